/** Edits (insert, delete, replace, swap of neighbours) that turn one word into the other: optimal string alignment. */
export function editDistance(a: string, b: string): number {
  const row = (length: number): number[] => Array.from({ length: length + 1 }, (_, index) => index);
  let beforeLast = row(b.length);
  let last = row(b.length);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const edits = [(last[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1)];
      if (swapped) edits.push((beforeLast[j - 2] ?? 0) + 1);
      current.push(Math.min(...edits));
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length] ?? 0;
}

/** The known word that was probably meant, or undefined where none is near. */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const plain = (text: string): string => text.toLowerCase().replace(/[-_ ]/g, '');
  const [best] = known
    .filter((candidate) => candidate !== word)
    .map((candidate) => ({ candidate, distance: editDistance(plain(word), plain(candidate)) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return best?.candidate;
}
