import { type Html, html } from './escape.ts';
import { styleSheet } from './style-sheet.ts';

/** What a page may do: nothing but show itself. `script` is the base64 SHA-256 of the one inline script, if it has one. */
function contentSecurityPolicy(script: string | undefined): string {
  const scripts = script === undefined ? '' : ` script-src 'sha256-${script}';`;
  return `default-src 'none'; style-src 'unsafe-inline';${scripts} base-uri 'none'; form-action 'none'`;
}

/** A whole page that needs nothing else: no server, no font, no picture, and may ask for none. */
export function pageHtml(
  title: string,
  body: Html,
  script?: { readonly code: string; readonly sha256: string },
): string {
  const inline = script === undefined ? html`` : { html: `<script type="module">${script.code}</script>` };
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy(script?.sha256)}"><meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer"><title>${title}</title><style>${{ html: styleSheet }}</style></head>
<body>${body}${inline}</body></html>
`;
  return page.html;
}
