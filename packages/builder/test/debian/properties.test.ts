import fc from 'fast-check';
import { describe, it } from 'vitest';
import { parseDeb822Sources, parseSourcesList } from '../../src/debian/apt-sources.ts';
import { StanzaIndex } from '../../src/debian/control.ts';
import { verifyInRelease } from '../../src/debian/in-release.ts';
import { archiveKeys } from '../../src/debian/keys/trixie.ts';
import { parsePackage } from '../../src/debian/package.ts';
import { parseRelations } from '../../src/debian/relation.ts';
import { compareVersions } from '../../src/debian/version.ts';
import { BuilderError } from '../../src/error.ts';

const version = fc.stringMatching(/^(?:\d{1,3}:)?[0-9a-z.+~-]{0,12}$/);

/** Passes for a result and for an error of ours; anything else is a crash. */
async function failsOnlyAsDocumented(run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof BuilderError)) throw error;
  }
}

describe('compareVersions()', () => {
  it('is an order: turned round it gives the opposite, and it is transitive', () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        const sign = (x: string, y: string) => Math.sign(compareVersions(x, y));
        if (sign(a, b) + sign(b, a) !== 0) return false;
        return !(sign(a, b) <= 0 && sign(b, c) <= 0) || sign(a, c) <= 0;
      }),
      { numRuns: 5000 },
    );
  });

  it('puts a tilde before the end and anything else after it', () => {
    fc.assert(
      fc.property(version, fc.stringMatching(/^[1-9a-z.+]$/), (a, more) => {
        const upstream = `1${a.replace(/^\d+:|-/g, '')}z`;
        return (
          compareVersions(`${upstream}~`, upstream) < 0 && compareVersions(`${upstream}${more}`, upstream) > 0
        );
      }),
    );
  });
});

describe('no input makes', () => {
  const stanzaText = fc
    .array(
      fc.tuple(
        fc.constantFrom(
          'Package',
          'Version',
          'Provides',
          'Depends',
          'Filename',
          'Size',
          'SHA256',
          ' x',
          '',
          'Architecture',
        ),
        fc.string(),
      ),
    )
    .map((lines) => lines.map(([name, value]) => `${name}: ${value}`).join('\n'));

  it('StanzaIndex or parsePackage() throw anything but a BuilderError', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), stanzaText), (text) =>
        failsOnlyAsDocumented(() => {
          const index = new StanzaIndex(new TextEncoder().encode(text), 'the test');
          for (const name of index.names()) {
            for (const stanza of index.named(name)) parsePackage(stanza, 'debian', 'trixie');
          }
        }),
      ),
    );
  });

  it('verifyInRelease() throw anything but a BuilderError, and is never believed', async () => {
    const begin = '-----BEGIN PGP SIGNED MESSAGE-----\n';
    const end = '\n-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----';
    const checks = {
      where: 'the test',
      keys: archiveKeys,
      identity: { origin: 'Debian', label: 'Debian', codename: 'trixie' },
      now: new Date('2026-11-21T00:00:00Z'),
    };
    const framed = fc.string().map((text) => new TextEncoder().encode(`${begin}${text}${end}`));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array(), framed), (bytes) =>
        failsOnlyAsDocumented(async () => {
          await verifyInRelease(bytes, checks);
          throw new Error('A text that nobody signed was believed');
        }),
      ),
    );
  });

  it('parseRelations() throw anything but a BuilderError', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), (text) => failsOnlyAsDocumented(() => parseRelations(text))),
    );
  });

  it('the parsers of apt sources throw', () => {
    fc.assert(fc.property(fc.string(), (text) => void [parseSourcesList(text), parseDeb822Sources(text)]));
  });
});
