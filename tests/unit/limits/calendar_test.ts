import { intlCalendar } from "../../../adapters/_node_compat/calendar.ts";
import { calendarCases } from "../../../src/testing/compliance/calendar.ts";
import { judge } from "../../compliance/judge.ts";

judge("calendar by Intl", calendarCases({ calendar: intlCalendar() }));
