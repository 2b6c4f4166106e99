/** Properties in QEMU's option syntax: `a=1,b=2`. Those that are undefined are left out. */
export function encodeOption(
  properties: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  return Object.entries(properties)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${escapeOption(showValue(value))}`]))
    .join(',');
}

/** A value with each comma written twice (QEMU's manual, "Option value escaping"). */
export function escapeOption(value: string): string {
  return value.replaceAll(',', ',,');
}

/**
 * The parts of an option's value in order: `q35,accel=tcg` gives `{ key: '', value: 'q35' }` and
 * `{ key: 'accel', value: 'tcg' }`. Commas that are written twice are taken back.
 */
export function parseOption(text: string): { readonly key: string; readonly value: string }[] {
  const parts = text.match(/(?:,,|[^,])+/g) ?? [];
  return parts.map((part) => {
    const at = part.indexOf('=');
    const single = (value: string) => value.replaceAll(',,', ',');
    return at < 0
      ? { key: '', value: single(part) }
      : { key: part.slice(0, at), value: single(part.slice(at + 1)) };
  });
}

function showValue(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return String(value);
}
