/** What one run of something took. */
export interface Sample {
  /** Wall time in seconds. */
  readonly seconds: number;
  /** Processor time (user and system) in seconds: on a busy machine it says more. Absent where not known. */
  readonly cpuSeconds?: number;
}

/** A measured thing; several samples are shown by their median. */
export interface Measurement {
  readonly label: string;
  readonly samples: readonly Sample[];
}

/** A measured value that is no time: a size, a verdict. */
export interface Fact {
  readonly label: string;
  readonly value: string;
}

/** A figure to reach, shown beside what was reached; never asserted: a benchmark informs. */
export interface Target {
  readonly label: string;
  readonly reached: string;
  readonly wanted: string;
}

export interface BenchmarkResult {
  readonly measurements?: readonly Measurement[];
  readonly facts?: readonly Fact[];
  readonly targets?: readonly Target[];
  /** How it was measured, where that isn't plain. */
  readonly notes?: readonly string[];
}

export interface BenchmarkOptions {
  /** How often the quick things are run. */
  readonly runs: number;
  /** Tells what is being done, since some take minutes. */
  readonly say: (text: string) => void;
}

export interface Benchmark {
  readonly name: string;
  readonly title: string;
  /** Slow ones run only when asked for by name. */
  readonly isSlow: boolean;
  run(options: BenchmarkOptions): Promise<BenchmarkResult>;
}
