/** What the oracle found wrong. */
export class Findings {
  readonly problems: string[] = [];
  lost = 0;
  duplicated = 0;

  wrong(problem: string): void {
    this.problems.push(problem);
  }

  missing(problem: string): void {
    this.lost++;
    this.problems.push(`lost: ${problem}`);
  }

  twice(problem: string): void {
    this.duplicated++;
    this.problems.push(`twice: ${problem}`);
  }
}
