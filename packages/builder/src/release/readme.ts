import type { Manifest } from '@altee/manifest';
import { SUMS_FILE } from '../image/sums.ts';
import { encodePublicKey, type KeyFormat, keyId, type PublicKey } from './public-key.ts';
import { SIGNATURE_FILES, SSH_NAMESPACE } from './signature.ts';

/** How the signature is checked without altee. */
const COMMANDS: Readonly<Record<KeyFormat, (key: PublicKey) => string>> = {
  pem: () =>
    `openssl pkeyutl -verify -rawin -pubin -inkey publisher.pub -in ${SUMS_FILE} -sigfile ${SIGNATURE_FILES.pem}`,
  minisign: () => `minisign -V -p publisher.pub -m ${SUMS_FILE} -x ${SIGNATURE_FILES.minisign}`,
  ssh: (key) => `echo "publisher ${encodePublicKey(key).trim()}" > allowed
  ssh-keygen -Y verify -f allowed -I publisher -n ${SSH_NAMESPACE} -s ${SIGNATURE_FILES.ssh} < ${SUMS_FILE}`,
};

/** The text of a release's `README.txt`: what a stranger does with the folder. */
export function readme({ name, version }: Manifest, publisher: PublicKey, alteeVersion: string): string {
  return `${name} ${version}, built and published with altee ${alteeVersion}

Signed by ${keyId(publisher)}. Compare this with what the publisher says elsewhere: whoever can change
these files can change publisher.pub, too. Then

  ${COMMANDS[publisher.format](publisher)}
  sha256sum -c ${SUMS_FILE}

Does the image come from this source, and are its measurements these? On a machine of your own:

  altee audit <this folder> --key auditor.pem --publisher-key publisher.pub

altee.yaml, altee.lock and source.tar are all that went in; sbom.cdx.json names what each byte comes from,
provenance.json says how it was made, measurements.json and policy/ what a machine will measure.
`;
}
