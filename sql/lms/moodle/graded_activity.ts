/** What a quiz and an assignment are, as a query with these outputs says it. */
export const gradedActivity = (from: string) => ({
  self: {
    from,
    key: "id",
    columns: {
      title: "title",
      scoreMax: "score_max",
      passPercentage: "pass_percentage",
      duration: "duration",
      courseId: "course_id",
    },
  },
  media: null,
  placement: null,
  chapterOfContent: null,
} as const);
