/**
 * Days, weeks, months and years as people in a time zone count them.
 *
 * @module
 */

export type { Calendar, CalendarLength, CalendarWindow } from "../core/limits/calendar.ts";
