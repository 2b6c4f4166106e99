/** Why a request or its body failed, as a person would say it. */
export function reasonOf(error: unknown): string {
  // fetch() hides the system's error as the cause of "fetch failed" and "terminated".
  let last = error;
  while (last instanceof Error && last.cause instanceof Error) last = last.cause;
  if (!(last instanceof Error)) return String(last);
  const code = 'code' in last && typeof last.code === 'string' ? last.code : undefined;
  return (
    (code === undefined ? undefined : reasons[code]) ??
    (last.message === '' ? (code ?? last.name) : last.message)
  );
}

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be looked up',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was broken off',
  UND_ERR_SOCKET: 'the connection was broken off',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_HEADERS_TIMEOUT: 'the server did not answer',
  UND_ERR_BODY_TIMEOUT: 'the server stopped sending',
};

/** A try that failed: whether the same URL is worth another, and whether it served wrong bytes. */
export class TryFailure extends Error {
  readonly kind: 'again' | 'next' | 'lying';
  /** Milliseconds that the server asks to wait. */
  readonly waitMs: number | undefined;

  constructor(kind: TryFailure['kind'], reason: string, waitMs?: number) {
    super(reason);
    this.name = 'TryFailure';
    this.kind = kind;
    this.waitMs = waitMs;
  }
}
