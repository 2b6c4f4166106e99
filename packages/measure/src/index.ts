export { encodeTableLoader } from './acpi/loader.ts';
export { type AcpiTarget, retargetAcpiTables } from './acpi/retarget.ts';
export { encodeRsdp, rsdpOfTables } from './acpi/rsdp.ts';
export { type AcpiTable, acpiFiles, findAcpiTable, readAcpiTables } from './acpi/tables.ts';
export type { AlignedEvent } from './align/align-events.ts';
export type { Cause, CauseCode } from './align/cause.ts';
export { compareRegisters, type RegisterComparison } from './align/compare.ts';
export type { Difference } from './align/difference.ts';
export {
  type ExplainedRegister,
  type ExplainedValue,
  type Explanation,
  explainLog,
  type FirstDifference,
} from './align/explain.ts';
export { extendsOfEventLog, type ObservedExtend, type ObservedMeasurements } from './align/observed.ts';
export { type ObservedEvent, observeEvents } from './align/observed-event.ts';
export { type SolvedRam, solveRam } from './align/solve-ram.ts';
export { equalBytes } from './bytes/compare.ts';
export { formatGuid, parseGuid } from './bytes/guid.ts';
export { fromHex, toHex } from './bytes/hex.ts';
export type { BytesDifference, ShownBytes } from './diff/bytes-difference.ts';
export { type CompareTools, Comparison, comparePart, lonelyPart } from './diff/compare.ts';
export type { FieldDifference, PartDifference } from './diff/difference.ts';
export { formatOf } from './diff/formats.ts';
export type { Decompressor, Field, Format, Part, Parts, SplitContext, Stamp } from './diff/parts.ts';
export { compareMoves, type RegisterMove } from './diff/registers.ts';
export type { LineChange, TextDifference } from './diff/text-difference.ts';
export { type BootImage, findBootImage, REMOVABLE_MEDIA_PATH } from './disk/boot-image.ts';
export { type FatEntry, FatFileSystem } from './disk/fat.ts';
export { MeasureError, type MeasureErrorCode } from './error.ts';
export {
  defaultHasher,
  digestSizes,
  type Hasher,
  type HashName,
  type HashState,
  hash,
  hashNames,
} from './hash.ts';
export { bootChain, bootChainHtml, type ChainLink } from './html/boot-chain.ts';
export { type ComparedPair, differencePageHtml } from './html/difference.ts';
export { escapeHtml, type Html, html } from './html/escape.ts';
export { eventLogHtml } from './html/event-log.ts';
export {
  type ExplainedLog,
  explainedLogHtml,
  explanationHtml,
  explanationPageHtml,
} from './html/explanation.ts';
export { pageHtml } from './html/page.ts';
export { registersHtml } from './html/registers.ts';
export { moduleUrl } from './module-url.ts';
export { type AuthenticodeRange, authenticodeDigest, authenticodeRanges } from './pe/authenticode.ts';
export {
  type CertificateEntry,
  type CertificateTable,
  readCertificateTable,
} from './pe/certificate-table.ts';
export { type PeDataDirectory, type PeImage, type PeSection, peDirectories, readPe } from './pe/image.ts';
export { type LoadedSection, loadedBytes, loadSection } from './pe/section.ts';
export { checkPe, type PeProblem, type PeProblemCode } from './pe/validate.ts';
export { predictedEventLog } from './predict/event-log.ts';
export { type FirmwareProgress, firmwareProgress, withFirmwareRun } from './predict/firmware-run.ts';
export { type FragileFact, type FragilityContext, fragileFacts } from './predict/fragility.ts';
export { withHostProcessor } from './predict/host-processor.ts';
export {
  type JsonDigests,
  type JsonEvent,
  type JsonPrediction,
  type JsonRegister,
  predictionToJson,
} from './predict/json.ts';
export type {
  BootDevice,
  FirmwareFacts,
  ImaFacts,
  KernelFacts,
  Machine,
  QemuMachine,
  SecureBootState,
} from './predict/machine.ts';
export { type NitroTpmPredictionInput, predictNitroTpm } from './predict/nitro-tpm.ts';
export {
  parsePredictionJson,
  type RecordedEvent,
  type RecordedPrediction,
  type RecordedRegister,
} from './predict/parse-json.ts';
export {
  type ImageIdentity,
  parseMeasurements,
  type RecordedMeasurements,
  type RecordedPlatform,
} from './predict/parse-measurements.ts';
export {
  type BootStage,
  bootStages,
  type Dependency,
  type EventSource,
  findRegister,
  type PredictedEvent,
  type Prediction,
  predictedEvents,
  type RegisterName,
  type RegisterPrediction,
  type RegisterStatus,
  type RegisterTrust,
  registerTrust,
} from './predict/prediction.ts';
export { predictReferenceLog, type ReferenceLogInput } from './predict/reference-log.ts';
export { predictSnp, type SnpPredictionInput } from './predict/snp.ts';
export { sourceText } from './predict/source-text.ts';
export { predictTdx } from './predict/tdx.ts';
export { type TdxLogFacts, tdxFactsOfLog } from './predict/tdx-log-facts.ts';
export type {
  Measurable,
  RuntimeEvent,
  TdxAcpi,
  TdxBoot,
  TdxBootVariables,
  TdxFirmware,
  TdxMachine,
  TdxPredictionInput,
  TdxSecureBoot,
} from './predict/tdx-machine.ts';
export { predictTpm } from './predict/tpm.ts';
export type { TpmPredictionInput } from './predict/tpm-register.ts';
export { type AlteeMachine, alteeMachine } from './qemu/altee-machine.ts';
export { type BootDevices, findBootDevices } from './qemu/boot-devices.ts';
export type {
  DirectBoot,
  Disk,
  MachineDescription,
  MachineDevice,
  NetworkCard,
  OtherDevice,
  PciSlot,
  RootPort,
  ScsiController,
} from './qemu/machine-description.ts';
export {
  type AddressWidth,
  hotplugReserve,
  type MmioWindow,
  type MmioWindowRules,
  mmioWindow,
  type ReservedRange,
} from './qemu/mmio-window.ts';
export { type BuiltInOption, type OvmfRules, ovmfRules } from './qemu/ovmf-rules.ts';
export { parseQemuCommand } from './qemu/parse-qemu-command.ts';
export { type MachinePaths, qemuArguments } from './qemu/qemu-arguments.ts';
export { type QemuHandoff, qemuMachine } from './qemu/qemu-machine.ts';
export { type Dialect, dialects } from './reference-values/dialects.ts';
export type { Covered, LeftOut, NotWritten, PolicyFile, Release } from './reference-values/policy-file.ts';
export type { PolicyChoice } from './reference-values/subject.ts';
export { type PolicyFolder, type PolicyOptions, writePolicies } from './reference-values/write-policies.ts';
export {
  type Authority,
  appraiseImage,
  type ImageAppraisal,
  type SignatureDatabases,
} from './secure-boot/appraise.ts';
export {
  enforcesSecureBoot,
  readSecureBootVariables,
  type SecureBootVariables,
  secureBootVariables,
} from './secure-boot/variables.ts';
export { type Certificate, parseCertificate } from './secure-boot/x509.ts';
export { findSnpCpu, type SnpCpu, type SnpCpuModel, snpCpuModels } from './snp/cpu-model.ts';
export { readSnpFirmware, type SnpFirmware } from './snp/firmware.ts';
export type { SevDirectBoot } from './snp/kernel-hashes.ts';
export { type SnpGuest, snpLaunchDigest } from './snp/launch.ts';
export { type SevEsGuest, type SevGuest, sevEsLaunchDigest, sevLaunchDigest } from './snp/sev-launch.ts';
export type { SnpVmm } from './snp/vmsa.ts';
export { type CcelTable, parseCcelTable } from './tcg/cc-event-log.ts';
export type { DecodedData } from './tcg/decode/decoded.ts';
export { describeEvent, shownEventType } from './tcg/describe-event.ts';
export { checkDigests, type DigestCheck, type DigestVerdict } from './tcg/digest-check.ts';
export { encodeEventLog } from './tcg/encode.ts';
export {
  type EventLog,
  type EventLogContents,
  type LogAlgorithm,
  type LoggedEvent,
  parseEventLog,
  type SpecId,
} from './tcg/event-log.ts';
export { type EventTypeName, eventTypeName, eventTypes } from './tcg/event-type.ts';
export {
  type EventLogFile,
  type EventLogKind,
  type LogDamage,
  type LogRegisters,
  registerName,
} from './tcg/log-file.ts';
export { parsePcrValues, type ReadValues } from './tcg/pcr-values.ts';
export { findQuirks, type LogQuirk, type LogQuirkCode } from './tcg/quirks.ts';
export { describeDamage, readEventLog } from './tcg/read-event-log.ts';
export { type ReplayedPcrs, replayEventLog } from './tcg/replay.ts';
export { startupLocality } from './tcg/startup-locality.ts';
export { type GcpFirmware, gcpFirmware, gcpSections } from './tdx/gcp-firmware.ts';
export { computeMrtd, type MrtdOrder, mrtdOrders } from './tdx/mrtd.ts';
export { type OvmfEvidence, type OvmfTraits, ovmfTraits, readOvmfTraits } from './tdx/ovmf.ts';
export {
  differingRegisters,
  isDebugTd,
  looksLikeTdxQuote,
  parseTdxQuote,
  quotedRegister,
  type TdxQuote,
} from './tdx/quote.ts';
export { dstackEventDigest } from './tdx/runtime-event.ts';
export {
  type CommandLineForm,
  countSeparators,
  type KernelForm,
  solveCommandLineForm,
  solveKernelForm,
  solveMrtdOrder,
  solveRsdtOffset,
  solveSeparators,
  solveTdHobRam,
  solveVcpus,
} from './tdx/solve.ts';
export { encodeTdHob, type TdHobVmm } from './tdx/td-hob.ts';
export { parseTdvf, type Tdvf, type TdvfSection } from './tdx/tdvf.ts';
export { type BankDigests, tpmHashAlgorithms } from './tpm/bank.ts';
export { extendPcr, initialPcr, replayPcr } from './tpm/pcr.ts';
export {
  encodePcrSignature,
  type PcrPhasePolicy,
  pcrPhasePolicies,
  type SignedPcrPolicy,
} from './tpm/pcrsig.ts';
export { type PolicyDigestOptions, pcrDigest, policyAuthorize, policyOr, policyPcr } from './tpm/policy.ts';
export { rsaKeyName } from './tpm/rsa-key-name.ts';
export { encodePcrSelection, formatPcrSelection, type PcrSelection, pcrSelection } from './tpm/selection.ts';
export { encodeGptEvent, findEsp, type Gpt, type GptPartition, parseGpt } from './uefi/gpt.ts';
export { type OvmfFirmware, readOvmf, type UnpackedVolume } from './uefi/ovmf.ts';
export {
  encodeCertificateLists,
  encodeSignatureList,
  parseSignatureLists,
  type Signature,
  type SignatureList,
  signatureTypes,
} from './uefi/signature-list.ts';
export { adoptUnpackedOvmf, unpackOvmf } from './uefi/unpack-ovmf.ts';
export { encodeVariableData, parseVariableData, type VariableData, variableGuids } from './uefi/variable.ts';
export {
  addVariables,
  findVariable,
  type NewVariable,
  parseVariableStore,
  type StoredVariable,
  type VariableStore,
} from './uefi/variable-store.ts';
export { readKernelVersion } from './uki/kernel.ts';
export { type StubRules, stubRules } from './uki/rules.ts';
export { readStubVersion, type StubVersion } from './uki/stub.ts';
export { checkUki, type UkiProblem } from './uki/validate.ts';
export { decodeZstd, zstdFramesEnd } from './zstd/decode.ts';
