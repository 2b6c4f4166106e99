import { jsonSchemaText } from '../json-schema.ts';
import { parseManifest } from '../parse-manifest.ts';
import { label } from '../schema/scalars.ts';
import { goBuildSection, goProgram } from './go-program.ts';
import { manifestText, yamlText } from './manifest-text.ts';

/** What a new project is made of. */
export type ProjectOptions =
  | { readonly name: string; readonly kind: 'build' }
  | {
      readonly name: string;
      readonly kind: 'static';
      /** The executable, relative to the project's folder. */
      readonly path: string;
      /** `sha256:` and 64 hex digits. */
      readonly sha256: string;
    };

/** A file of a new project; `path` is relative to its folder. */
export interface TemplateFile {
  readonly path: string;
  readonly content: string;
}

/**
 * The files of a new project that `altee build` can build at once: the manifest with a comment for each key, its
 * JSON Schema for editors, `.gitignore`, and for `build` a small Go program.
 *
 * Throws {@link ManifestError} where the name, path or digest make no valid manifest.
 */
export function projectTemplate(options: ProjectOptions): TemplateFile[] {
  // A name that is none must not reach the shell command, and is refused where it stands as the name.
  const program = label.safeParse(options.name).success ? options.name : 'app';
  const app = options.kind === 'build' ? goBuildSection(program) : staticSection(options);
  const manifest = manifestText(options.name, app);
  parseManifest(manifest, 'altee.yaml');
  return [
    { path: 'altee.yaml', content: manifest },
    { path: '.altee/altee.schema.json', content: jsonSchemaText() },
    { path: '.gitignore', content: 'dist/\n' },
    ...(options.kind === 'build' ? [{ path: 'src/main.go', content: goProgram(options.name) }] : []),
  ];
}

function staticSection({ path, sha256 }: { path: string; sha256: string }): string {
  return `\
  static:
    # A statically linked x86-64 executable in this folder. A new one needs its new digest: sha256sum says it.
    path: ${yamlText(path)}
    sha256: ${yamlText(sha256)}
  args: []
  # The whole environment: nothing else is set.
  env: {}
`;
}
