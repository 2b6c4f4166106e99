import type { ExplainResult } from '@altee/builder';
import { type AlignedEvent, type ObservedEvent, registerName, toHex } from '@altee/measure';

/** All of `altee explain`'s answer as plain data. */
export function explanationJson({
  log,
  events,
  quirks,
  registers,
  ram,
  quote,
  comparison,
}: ExplainResult): unknown {
  return {
    kind: log.kind,
    banks: log.log.algorithms.map(({ name }) => name),
    paddingBytes: log.paddingBytes,
    damage: log.damage,
    quirks,
    ...(ram && { memoryBytes: ram.memoryBytes, memoryBytesRead: ram.isRead }),
    ...(quote && { quote: quoteJson(quote) }),
    events: events.map((event) => ({
      register: registerName(log.registers, event.event.registerIndex),
      ...eventJson(event),
    })),
    registers,
    ...(comparison && {
      comparison: {
        platform: comparison.platform,
        isEqual: comparison.explanation.isEqual,
        first: comparison.explanation.first && {
          register: comparison.explanation.first.register,
          position: comparison.explanation.first.first.position,
          eventIndex: comparison.explanation.first.first.row.observed?.event.index,
          cause: comparison.explanation.first.first.cause,
        },
        registers: comparison.explanation.registers.map(({ rows, first, ...register }) => ({
          ...register,
          rows: rows.map(rowJson),
          first: first && { position: first.position, cause: first.cause },
        })),
      },
    }),
  };
}

function quoteJson({ quote, isDebug }: NonNullable<ExplainResult['quote']>): object {
  return {
    version: quote.version,
    signatureVerified: false,
    certificatesVerified: false,
    debug: isDebug,
    untrustedTdAttributes: toHex(quote.tdAttributes),
    untrustedReportData: toHex(quote.reportData),
  };
}

function eventJson({ event, untrustedType, said, check, isExtended }: ObservedEvent): object {
  return {
    index: event.index,
    offset: event.offset,
    untrustedEventType: untrustedType,
    isExtended,
    digests: Object.fromEntries([...event.digests].map(([name, digest]) => [name, toHex(digest)])),
    digestVerified: check.verdict,
    digestReason: check.reason,
    says: said.text,
    details: said.details,
    untrustedData: toHex(event.untrustedData),
  };
}

function rowJson({ relation, predicted, observed }: AlignedEvent): object {
  return {
    relation,
    ...(predicted && { predicted: predicted.description }),
    ...(observed && { eventIndex: observed.event.index, observed: observed.said.text }),
  };
}
