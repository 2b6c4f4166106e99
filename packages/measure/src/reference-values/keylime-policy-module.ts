/**
 * A measured-boot policy for Keylime's verifier (keylime/mba/elchecking: `Policy`, `tests.Test`, `policies.register`).
 * It answers with why a log is refused, in words, or with an empty string.
 *
 * Per pinned PCR the log must hold exactly the events of the reference state: as many, in that order, each with an
 * equal digest in every algorithm that both name, and at least one such algorithm. EV_NO_ACTION extends nothing and
 * is passed over.
 */
export const KEYLIME_POLICY_MODULE = `"""Measured-boot policy "altee" for the Keylime verifier; written by altee.

verifier.conf: measured_boot_imports = ["altee_keylime_policy"], measured_boot_policy_name = altee
"""

from keylime.mba.elchecking import policies, tests

FORMAT = "keylime-measured-boot/v1"
# The PCRs that Keylime compares with the boot log.
PCRS = frozenset([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15])


def why_not_event(event, wanted):
    common = 0
    for digest in event.get("Digests", []):
        expected = wanted["digests"].get(digest.get("AlgorithmId"))
        if expected is None:
            continue
        if "0x" + str(digest.get("Digest")).lower() != expected:
            return "is not " + wanted["description"]
        common += 1
    return "" if common else "has no digest to compare"


class Log(tests.Test):
    def __init__(self, pcrs):
        super().__init__()
        self.pcrs = pcrs

    def why_not(self, globs, subject):
        if not isinstance(subject, dict) or not isinstance(subject.get("events"), list):
            return "has no list of events"
        seen = {pcr: [] for pcr in self.pcrs}
        for event in subject["events"]:
            if not isinstance(event, dict):
                return "has an event that is no dict"
            if event.get("EventType") != "EV_NO_ACTION" and event.get("PCRIndex") in seen:
                seen[event["PCRIndex"]].append(event)
        for pcr, wanted in sorted(self.pcrs.items()):
            for number, (event, reference) in enumerate(zip(seen[pcr], wanted), start=1):
                reason = why_not_event(event, reference)
                if reason:
                    return f"PCR {pcr}: event {number} {reason}"
            if len(seen[pcr]) != len(wanted):
                return f"PCR {pcr} has {len(seen[pcr])} events, expected {len(wanted)}"
        return ""


class Altee(policies.Policy):
    def get_relevant_pcrs(self):
        return PCRS

    def refstate_to_test(self, refstate):
        if not isinstance(refstate, dict) or refstate.get("altee") != FORMAT:
            raise Exception(f"the reference state is not {FORMAT}")
        pcrs = {int(pcr): events for pcr, events in refstate["pcrs"].items()}
        if not pcrs or not PCRS.issuperset(pcrs):
            raise Exception("the reference state names no PCR, or one that Keylime does not compare with the log")
        return Log(pcrs)


policies.register("altee", Altee())
`;
