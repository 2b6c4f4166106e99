import type { Finding } from '../problem.ts';
import type { Manifest } from '../schema/manifest.ts';
import { type Located, nearest } from '../source/tree.ts';
import { appHasOneSource } from './app.ts';
import { cmdlineFits, cmdlineIsNotReserved, cmdlineIsNotWeakening } from './cmdline.ts';
import {
  exceptionIsNotRepeated,
  initOnFreeHasReason,
  initOnFreeIsNoException,
  initOnFreeReasonHasChoice,
} from './hardening.ts';
import { inputsHaveFeatures } from './inputs.ts';
import { kernelHasNoModules, symbolsAgree } from './kernel.ts';
import { addressIsHost, gatewayIsInSubnet, networkHasCard, networkInputsHaveNetwork } from './network.ts';
import {
  commandIsAlone,
  forwardHasNetwork,
  hostPortsAreUnique,
  memoryIsEnough,
  platformHasFeature,
  platformOptionsFitKind,
  referenceLogHasLog,
} from './platforms.ts';
import type { Rule } from './rule.ts';
import { listsHaveNoRepeats } from './unique.ts';

/** Everything that spans fields. */
const rules: readonly Rule[] = [
  appHasOneSource,
  symbolsAgree,
  kernelHasNoModules,
  cmdlineIsNotReserved,
  cmdlineIsNotWeakening,
  cmdlineFits,
  initOnFreeHasReason,
  initOnFreeReasonHasChoice,
  initOnFreeIsNoException,
  exceptionIsNotRepeated,
  networkHasCard,
  gatewayIsInSubnet,
  addressIsHost,
  networkInputsHaveNetwork,
  inputsHaveFeatures,
  platformOptionsFitKind,
  commandIsAlone,
  referenceLogHasLog,
  platformHasFeature,
  hostPortsAreUnique,
  forwardHasNetwork,
  memoryIsEnough,
  ...listsHaveNoRepeats,
];

/** The sections of a manifest that are valid by themselves. */
export type Sections = Partial<Manifest>;

/** Runs each rule whose sections are there; `root` gives the places. */
export function checkRules(sections: Sections, root: Located): Finding[] {
  const isWritten = (...path: (string | number)[]): boolean => nearest(root, path).depth === path.length;
  return rules
    .filter(({ needs }) => needs.every((section) => sections[section] !== undefined))
    .flatMap(({ check }) => check(sections as Manifest, isWritten))
    .map(({ path, message, advice }) => {
      const { located, depth } = nearest(root, path);
      // Of a mapping or list, the key says more than its first entry.
      const offset = located.children.size > 0 || depth < path.length ? located.keyOffset : undefined;
      return { offset: offset ?? located.offset, path, message, advice };
    });
}
