import { rule } from './rule.ts';

/** What costs security has its reason. */
export const initOnFreeHasReason = rule(['hardening'], ({ hardening }) => {
  if (hardening.initOnFree || hardening.initOnFreeReason !== undefined) return [];
  return [
    {
      path: ['hardening', 'initOnFree'],
      message: 'Memory that is not cleared when freed needs a reason',
      advice: 'Add initOnFreeReason, such as "1 TiB of memory takes a minute to clear at boot"',
    },
  ];
});

/** A reason without the choice that it is for is a slip. */
export const initOnFreeReasonHasChoice = rule(['hardening'], ({ hardening }) => {
  if (!hardening.initOnFree || hardening.initOnFreeReason === undefined) return [];
  const message = '"hardening.initOnFreeReason" is there, and "hardening.initOnFree" is not false';
  return [
    {
      path: ['hardening', 'initOnFreeReason'],
      message,
      advice: 'Write initOnFree: false, or delete the reason',
    },
  ];
});

const clearing = ['CONFIG_INIT_ON_FREE_DEFAULT_ON', 'init_on_free'];

/** One way to say it: the choice has a key of its own. */
export const initOnFreeIsNoException = rule(['hardening'], ({ hardening }) =>
  hardening.exceptions.flatMap(({ option }, index) => {
    if (!clearing.includes(option)) return [];
    const message = `"${option}" is not an exception but a choice with a key of its own`;
    const advice = 'Write initOnFree: false and initOnFreeReason';
    return [{ path: ['hardening', 'exceptions', index, 'option'], message, advice }];
  }),
);

/** An exception and the opposite wish contradict each other: an exception flips what the hardening says. */
export const exceptionIsNotRepeated = rule(['hardening', 'kernel'], ({ hardening, kernel }) =>
  hardening.exceptions.flatMap(({ option }, index) => {
    const symbol = option.replace(/^CONFIG_/, '');
    const list = kernel.require.includes(symbol)
      ? 'require'
      : kernel.forbid.includes(symbol)
        ? 'forbid'
        : undefined;
    if (list === undefined || symbol === option) return [];
    const message = `"${option}" is an exception and also in "kernel.${list}"`;
    const advice = `Delete it from "kernel.${list}": the exception flips it by itself`;
    return [{ path: ['hardening', 'exceptions', index, 'option'], message, advice }];
  }),
);
