import type { TpmBank } from './tpm-algorithm.ts';

/** Where the software TPM's things lie in the run's folder. */
export const TPM_SOCKET = 'tpm.sock';
export const TPM_LOG = 'tpm.log';

/**
 * The shell text that makes a TPM with only these banks active and starts it; `$tpm` is then its process. A raw
 * swtpm has all four banks, which makes every measurement of the firmware cost four times as much. `level=2` logs
 * every command and response in full.
 */
export function swtpmScript(folder: string, banks: readonly TpmBank[]): string {
  return `mkdir ${folder}/tpm
swtpm_setup --tpm2 --tpmstate dir://${folder}/tpm --pcr-banks ${banks.join(',')} \\
  --config /etc/swtpm_setup.conf > ${folder}/setup.log 2>&1 || { cat ${folder}/setup.log >&2; exit 1; }
swtpm socket --tpm2 --tpmstate dir=${folder}/tpm --ctrl type=unixio,path=${folder}/${TPM_SOCKET} \\
  --log file=${folder}/${TPM_LOG},level=2,truncate --terminate > /dev/null < /dev/null &
tpm=$!
tries=0
while [ ! -S ${folder}/${TPM_SOCKET} ]; do
  kill -0 $tpm && [ $tries -lt 500 ] || { echo 'swtpm does not start' >&2; exit 1; }
  tries=$((tries + 1)); sleep 0.02
done
`;
}
