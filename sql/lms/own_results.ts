/** Results in lmsmon's own words, where an LMS has a state and no word for what it means to a mentor. */

/** The time was over, or it was closed: nothing will come of this attempt unless somebody opens it again. */
export const NOT_HANDED_IN = "not handed in";

/** A mark that is a word of a scale, and no number of points. */
export const MARKED_ON_A_SCALE = "marked on a scale";

/** A teacher ticked it off in the student's place. */
export const SET_BY_A_TEACHER = "set by a teacher";
