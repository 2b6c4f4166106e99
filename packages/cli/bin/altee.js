#!/usr/bin/env node
import '../dist/altee.js';
