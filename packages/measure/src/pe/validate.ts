import { hexNumber } from '../bytes/hex.ts';
import { type PeImage, type PeSection, peDirectories } from './image.ts';

/** What is wrong with an image. */
export type PeProblemCode =
  | 'unreadable'
  | 'machine'
  | 'subsystem'
  | 'alignment'
  | 'order'
  | 'overlap'
  | 'size-of-image'
  | 'size-of-headers'
  | 'past-end'
  | 'empty-section'
  | 'entry-point'
  | 'symbols'
  | 'debug-directory'
  | 'uncovered-bytes'
  | 'missing-section'
  | 'duplicate-section'
  | 'unknown-stub';

/**
 * One finding. `refused`: some firmware would not load the image, or would load something else than was meant.
 * `variable`: it loads, but holds bytes that can differ from build to build.
 */
export interface PeProblem {
  readonly severity: 'refused' | 'variable';
  readonly code: PeProblemCode;
  readonly message: string;
}

type Check = (pe: PeImage, bytes: Uint8Array) => PeProblem[];

const refused = (code: PeProblemCode, message: string): PeProblem => ({ severity: 'refused', code, message });
const variable = (code: PeProblemCode, message: string): PeProblem => ({
  severity: 'variable',
  code,
  message,
});
const align = (value: number, to: number): number => Math.ceil(value / to) * to;
const isPowerOfTwo = (value: number): boolean => value > 0 && Number.isInteger(Math.log2(value));
const executable = 0x2000_0000; // IMAGE_SCN_MEM_EXECUTE

/**
 * Everything that UEFI firmware may refuse in an x86-64 EFI application (edk2 BasePeCoffLib and the stricter
 * loaders that shim and newer firmware bring), and everything that could vary. Empty when all is well.
 */
export function checkPe(pe: PeImage, bytes: Uint8Array): PeProblem[] {
  return checks.flatMap((check) => check(pe, bytes));
}

const checkTarget: Check = (pe) => {
  const problems: PeProblem[] = [];
  if (pe.machine !== 0x8664)
    problems.push(refused('machine', `Machine is ${hexNumber(pe.machine)}, not x86-64 (0x8664)`));
  if (pe.format !== 'PE32+')
    problems.push(refused('machine', `The optional header is ${pe.format}, not PE32+`));
  if (pe.subsystem !== 10)
    problems.push(refused('subsystem', `Subsystem is ${pe.subsystem}, not EFI application (10)`));
  return problems;
};

const checkAlignment: Check = (pe) => {
  const problems: PeProblem[] = [];
  if (!isPowerOfTwo(pe.fileAlignment) || pe.fileAlignment < 512) {
    problems.push(
      refused(
        'alignment',
        `FileAlignment ${hexNumber(pe.fileAlignment)} is not a power of two of at least 0x200`,
      ),
    );
  }
  if (!isPowerOfTwo(pe.sectionAlignment) || pe.sectionAlignment < 0x1000) {
    // Memory protection needs whole pages.
    problems.push(
      refused(
        'alignment',
        `SectionAlignment ${hexNumber(pe.sectionAlignment)} is not a power of two of at least a page (0x1000)`,
      ),
    );
  }
  for (const section of pe.sections) {
    if (section.virtualAddress % pe.sectionAlignment !== 0) {
      problems.push(
        refused(
          'alignment',
          `Section "${section.name}" has address ${hexNumber(section.virtualAddress)}, no multiple of ${hexNumber(pe.sectionAlignment)}`,
        ),
      );
    }
    if (
      section.rawSize > 0 &&
      (section.rawOffset % pe.fileAlignment !== 0 || section.rawSize % pe.fileAlignment !== 0)
    ) {
      problems.push(
        refused(
          'alignment',
          `Section "${section.name}" has ${hexNumber(section.rawSize)} bytes at ${hexNumber(section.rawOffset)} of the file, not aligned to ${hexNumber(pe.fileAlignment)}`,
        ),
      );
    }
  }
  return problems;
};

const checkOrder: Check = (pe) => {
  const problems: PeProblem[] = [];
  neighbours(pe.sections, (before, section) => {
    if (section.virtualAddress < before.virtualAddress) {
      problems.push(
        refused(
          'order',
          `Section "${section.name}" stands after "${before.name}" but lies before it in memory`,
        ),
      );
    }
  });
  return problems;
};

const checkOverlap: Check = (pe) => {
  const problems: PeProblem[] = [];
  neighbours(
    pe.sections.toSorted((a, b) => a.virtualAddress - b.virtualAddress),
    (before, section) => {
      const end = before.virtualAddress + before.virtualSize;
      if (section.virtualAddress < end) {
        problems.push(
          refused(
            'overlap',
            `Section "${section.name}" at address ${hexNumber(section.virtualAddress)} overlaps "${before.name}", which ends at ${hexNumber(end)}`,
          ),
        );
      }
    },
  );
  neighbours(
    pe.sections.filter((section) => section.rawSize > 0).toSorted((a, b) => a.rawOffset - b.rawOffset),
    (before, section) => {
      const end = before.rawOffset + before.rawSize;
      if (section.rawOffset < end) {
        problems.push(
          refused(
            'overlap',
            `Section "${section.name}" at ${hexNumber(section.rawOffset)} of the file overlaps "${before.name}", which ends at ${hexNumber(end)}`,
          ),
        );
      }
    },
  );
  return problems;
};

const checkSizeOfImage: Check = (pe) => {
  const end = Math.max(
    pe.sizeOfHeaders,
    ...pe.sections.map((s) => s.virtualAddress + Math.max(s.virtualSize, 1)),
  );
  const wanted = align(end, pe.sectionAlignment || 1);
  if (pe.sizeOfImage === wanted) return [];
  return [
    refused(
      'size-of-image',
      `SizeOfImage is ${hexNumber(pe.sizeOfImage)}, but the sections end at ${hexNumber(wanted)}`,
    ),
  ];
};

const checkSizeOfHeaders: Check = (pe) => {
  const problems: PeProblem[] = [];
  const size = hexNumber(pe.sizeOfHeaders);
  if (pe.sizeOfHeaders < pe.headersEnd) {
    problems.push(
      refused(
        'size-of-headers',
        `SizeOfHeaders is ${size}, but the section table ends at ${hexNumber(pe.headersEnd)}`,
      ),
    );
  }
  if (pe.sizeOfHeaders > pe.fileSize) {
    problems.push(
      refused('past-end', `SizeOfHeaders is ${size}, past the end of the file (${hexNumber(pe.fileSize)})`),
    );
  }
  for (const section of pe.sections) {
    if (
      section.virtualAddress < pe.sizeOfHeaders ||
      (section.rawSize > 0 && section.rawOffset < pe.sizeOfHeaders)
    ) {
      problems.push(
        refused('overlap', `Section "${section.name}" overlaps the headers, which end at ${size}`),
      );
    }
  }
  return problems;
};

const checkSections: Check = (pe) => {
  const problems: PeProblem[] = [];
  for (const section of pe.sections) {
    const end = section.rawOffset + section.rawSize;
    if (section.rawSize > 0 && end > pe.fileSize) {
      problems.push(
        refused(
          'past-end',
          `Section "${section.name}" ends at ${hexNumber(end)}, past the end of the file (${hexNumber(pe.fileSize)})`,
        ),
      );
    }
    if (section.virtualSize === 0)
      problems.push(refused('empty-section', `Section "${section.name}" has VirtualSize 0`));
  }
  return problems;
};

const checkEntryPoint: Check = (pe) => {
  const home = pe.sections.find(
    ({ virtualAddress, virtualSize }) =>
      pe.entryPoint >= virtualAddress && pe.entryPoint < virtualAddress + virtualSize,
  );
  if (home !== undefined && (home.characteristics & executable) !== 0) return [];
  return [
    refused('entry-point', `The entry point ${hexNumber(pe.entryPoint)} lies in no executable section`),
  ];
};

const checkVariableHeaders: Check = (pe) => {
  const problems: PeProblem[] = [];
  if (pe.symbolTableOffset !== 0 || pe.symbolCount !== 0) {
    problems.push(
      variable(
        'symbols',
        `There is a COFF symbol table at ${hexNumber(pe.symbolTableOffset)} with ${pe.symbolCount} symbols`,
      ),
    );
  }
  if ((pe.dataDirectories[peDirectories.debug]?.size ?? 0) > 0) {
    problems.push(
      variable('debug-directory', 'There is a debug directory, which holds times and build paths'),
    );
  }
  return problems;
};

const checkUncoveredBytes: Check = (pe, bytes) => {
  const certificates = pe.dataDirectories[peDirectories.certificateTable];
  const covered = pe.sections
    .filter((section) => section.rawSize > 0)
    .map((section) => ({
      start: section.rawOffset,
      end: section.rawOffset + Math.min(section.rawSize, section.virtualSize),
    }));
  // The certificate table's "address" is a file offset.
  if (certificates && certificates.size > 0) {
    covered.push({ start: certificates.address, end: certificates.address + certificates.size });
  }
  covered.push({ start: pe.fileSize, end: pe.fileSize });
  let at = pe.headersEnd;
  for (const { start, end } of covered.toSorted((a, b) => a.start - b.start)) {
    const stray = bytes.subarray(at, Math.max(at, start)).findIndex((byte) => byte !== 0);
    if (stray >= 0) {
      return [
        variable(
          'uncovered-bytes',
          `The byte at ${hexNumber(at + stray)} belongs to no section and is not zero`,
        ),
      ];
    }
    at = Math.max(at, end);
  }
  return [];
};

const checks: readonly Check[] = [
  checkTarget,
  checkAlignment,
  checkOrder,
  checkOverlap,
  checkSizeOfImage,
  checkSizeOfHeaders,
  checkSections,
  checkEntryPoint,
  checkVariableHeaders,
  checkUncoveredBytes,
];

function neighbours(
  sections: readonly PeSection[],
  visit: (before: PeSection, section: PeSection) => void,
): void {
  let before: PeSection | undefined;
  for (const section of sections) {
    if (before) visit(before, section);
    before = section;
  }
}
