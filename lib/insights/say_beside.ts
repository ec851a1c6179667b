/** What stands beside every score, wherever it is shown. */
export const SAY_BESIDE =
  "A band is a reason to look, never a verdict about a child. No demographics are used; fairness was not measured; that being " +
  "named helps anybody has not been shown; precision was measured where 41 to 46 % fail or leave, and is lower where fewer do.";
