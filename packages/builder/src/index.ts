export { type AuditOptions, type AuditResult, audit } from './audit/audit.ts';
export type { AuditFinding } from './audit/audit-statement.ts';
export { runRebuild } from './audit/rebuild-child.ts';
export { REUSABLE, type Reusable } from './audit/reuse.ts';
export { type VerifyReleaseResult, verifyRelease } from './audit/verify-release.ts';
export { type BuildOptions, type BuildResult, build } from './build.ts';
export {
  type CacheFormat,
  cacheFormats,
  type ExportCacheOptions,
  type ExportCacheResult,
  exportCache,
} from './cache/export-cache.ts';
export { type ImportCacheOptions, type ImportCacheResult, importCache } from './cache/import-cache.ts';
export { type DiffOptions, type DiffResult, diffFiles } from './diff/diff.ts';
export type { Diffoscope } from './diff/diffoscope.ts';
export type { Moves, PlatformMoves } from './diff/moves.ts';
export type { DistFile, DistResult } from './dist.ts';
export { BuilderError, type BuilderErrorCode } from './error.ts';
export { type ExecutorName, executorName, executorNames } from './executor/executors.ts';
export { printable } from './executor/printable.ts';
export {
  type ExplainRequest,
  type ExplainResult,
  explainEventLog,
  type ReplayedRegister,
} from './explain-log.ts';
export { type InitOptions, type InitResult, initProject } from './init-project.ts';
export { type MeasureOptions, type MeasureResult, measureFile } from './measure-file.ts';
export { type FailedPlatform, hasFailed } from './platform/attempt-platform.ts';
export { makePolicies, type PolicyRequest, type PolicyResult } from './policy/make-policies.ts';
export { type SignedPcrPolicies, signPcrPolicies } from './policy/sign-pcr-policy.ts';
export { keyId } from './release/public-key.ts';
export { type ReleaseOptions, type ReleaseResult, release } from './release/release.ts';
export { makeKey } from './release/signing-key.ts';
export { type Reporter, silentReporter, type Task } from './report.ts';
export { type RunProjectOptions, type RunProjectResult, runProject } from './run-project.ts';
export type { StoreEntry, TreeKind } from './store/entry.ts';
export { Store } from './store/store.ts';
export { type UpdateLockOptions, type UpdateLockResult, updateLock } from './update-lock.ts';
export { type VendorOptions, type VendorResult, vendorProject } from './vendor/vendor-project.ts';
export { writeOutput } from './write-output.ts';
