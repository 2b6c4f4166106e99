import { rule } from './rule.ts';

/** A symbol can't be both on and off. */
export const symbolsAgree = rule(['kernel'], ({ kernel }) =>
  kernel.forbid.flatMap((symbol, index) => {
    if (!kernel.require.includes(symbol)) return [];
    const message = `"${symbol}" is both required and forbidden`;
    return [{ path: ['kernel', 'forbid', index], message, advice: 'Delete it from one of the two lists' }];
  }),
);

/** The kernel is one measured file: code that is loaded later would not be in it. */
export const kernelHasNoModules = rule(['kernel'], ({ kernel }) =>
  kernel.require.flatMap((symbol, index) => {
    if (symbol !== 'MODULES') return [];
    const message = 'A kernel with loadable modules can not be had';
    return [
      {
        path: ['kernel', 'require', index],
        message,
        advice: 'Name what the modules are for under "features" or "require": it is built in',
      },
    ];
  }),
);
