import { html, MeasureError } from '@altee/measure';
import { type DroppedFile, describeFiles } from './describe-files.ts';

/** The page's script: files go in, tables come out; nothing leaves the page. */

const input = element('files', HTMLInputElement);
const drop = element('drop', HTMLElement);
const output = element('output', HTMLElement);
const dropped: DroppedFile[] = [];

input.addEventListener('change', () => void add(input.files));
drop.addEventListener('dragover', (event) => {
  event.preventDefault();
  drop.classList.add('over');
});
drop.addEventListener('dragleave', () => drop.classList.remove('over'));
drop.addEventListener('drop', (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  void add(event.dataTransfer?.files ?? null);
});
element('clear', HTMLElement).addEventListener('click', () => {
  dropped.length = 0;
  output.replaceChildren();
});

async function add(files: FileList | null): Promise<void> {
  for (const file of files ?? []) {
    dropped.push({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
  }
  output.innerHTML =
    html`<p>Measuring ${dropped.length} ${dropped.length === 1 ? 'file' : 'files'} …</p>`.html;
  // Hashing takes a moment; the line above has to be seen first.
  requestAnimationFrame(() => setTimeout(show, 0));
}

function show(): void {
  try {
    output.innerHTML = describeFiles(dropped).html;
  } catch (error) {
    const message = error instanceof MeasureError ? error.message : `Unexpected: ${String(error)}`;
    output.innerHTML = html`<p class="error" role="alert">${message}</p>`.html;
  }
}

function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no element "${id}"`);
  return found;
}
