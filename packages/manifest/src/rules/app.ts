import { appKinds } from '../schema/app.ts';
import { rule } from './rule.ts';

/** An image has one application, from one source. */
export const appHasOneSource = rule(['app'], ({ app }) => {
  const [first, ...others] = appKinds.filter((kind) => app[kind] !== undefined);
  if (first === undefined) {
    const message = '"app" does not say where the app comes from';
    return [{ path: ['app'], message, advice: `Write exactly one of ${appKinds.join(', ')}` }];
  }
  return others.map((kind) => ({
    path: ['app', kind],
    message: `"app" has both "${first}" and "${kind}"`,
    advice: `Write exactly one of ${appKinds.join(', ')}`,
  }));
});
