import { z } from 'zod';

/** What to write instead of `value`, or undefined where nothing better than the message is known. */
export type Advise = (value: unknown) => string | undefined;

/** Advice that a scalar schema carries; kept apart from zod's global registry so that it stays out of the JSON Schema. */
export const adviceRegistry = z.registry<{ advise: Advise }>();
