/*
 * Cells and Datums: every value that crosses the boundary is converted here.
 */
#include "shim.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#define DAYS_BEFORE_POSTGRES (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) /* since 1970-01-01 */

Oid agg_type_oid(agg_type type) {
	switch (type) {
	case AGG_BOOL:
		return BOOLOID;
	case AGG_INT4:
		return INT4OID;
	case AGG_INT8:
		return INT8OID;
	case AGG_FLOAT8:
		return FLOAT8OID;
	case AGG_TEXT:
		return TEXTOID;
	case AGG_TIMESTAMPTZ:
		return TIMESTAMPTZOID;
	case AGG_TID:
		return TIDOID;
	}
	elog(ERROR, "unknown cell type %d", (int)type);
}

const char *agg_type_name(agg_type type) {
	return format_type_be(agg_type_oid(type));
}

Datum agg_cell_to_datum(const agg_cell *cell, agg_type type) {
	if (cell->is_null)
		return (Datum)0;
	switch (type) {
	case AGG_BOOL:
		return BoolGetDatum(cell->as.integer != 0);
	case AGG_INT4:
		return Int32GetDatum((int32)cell->as.integer);
	case AGG_INT8:
		return Int64GetDatum(cell->as.integer);
	case AGG_FLOAT8:
		return Float8GetDatum(cell->as.real);
	case AGG_TEXT:
		return PointerGetDatum(cstring_to_text_with_len(cell->as.text, cell->length));
	case AGG_TIMESTAMPTZ:
		return TimestampTzGetDatum(cell->as.integer);
	case AGG_TID: {
		ItemPointer place = palloc(sizeof(ItemPointerData));

		ItemPointerSet(place, (BlockNumber)(cell->as.integer >> 16), (OffsetNumber)(cell->as.integer & 0xFFFF));
		return PointerGetDatum(place);
	}
	}
	elog(ERROR, "unknown cell type %d", (int)type);
}

/* A cell as a value of a result column's declared type; the operation fills cells to match it. */
Datum agg_cell_to_column(const agg_cell *cell, Oid type) {
	static const agg_type all[] = {AGG_BOOL, AGG_INT4, AGG_INT8, AGG_FLOAT8, AGG_TEXT, AGG_TIMESTAMPTZ};

	for (size_t i = 0; i < lengthof(all); i++) {
		if (agg_type_oid(all[i]) == type)
			return agg_cell_to_datum(cell, all[i]);
	}
	if (type == DATEOID)
		return cell->is_null ? (Datum)0 : DateADTGetDatum((DateADT)(cell->as.integer - DAYS_BEFORE_POSTGRES));
	if (type == JSONBOID)
		return cell->is_null ? (Datum)0 : DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(cell->as.text, cell->length)));
	elog(ERROR, "unexpected result column of type %u", type);
}

Datum agg_parameter_to_datum(const agg_parameter *parameter, bool *is_null) {
	Oid element = agg_type_oid(parameter->type);
	Datum *values;
	bool *nulls;
	int dimension = (int)parameter->count;
	int lower_bound = 1;
	int16 length;
	bool by_value;
	char align;

	if (!parameter->is_array) {
		*is_null = parameter->cells->is_null;
		return agg_cell_to_datum(parameter->cells, parameter->type);
	}
	*is_null = false;
	if (parameter->count == 0)
		return PointerGetDatum(construct_empty_array(element));
	values = palloc(parameter->count * sizeof(Datum));
	nulls = palloc(parameter->count * sizeof(bool));
	for (size_t i = 0; i < parameter->count; i++) {
		nulls[i] = parameter->cells[i].is_null;
		values[i] = agg_cell_to_datum(&parameter->cells[i], parameter->type);
	}
	get_typlenbyvalalign(element, &length, &by_value, &align);
	return PointerGetDatum(construct_md_array(values, nulls, 1, &dimension, &lower_bound, element, length, by_value, align));
}

/* Text is copied into the current memory context, since the value dies with its slot. */
void agg_datum_to_cell(Datum value, bool is_null, agg_type type, agg_cell *cell) {
	cell->is_null = is_null;
	if (is_null)
		return;
	switch (type) {
	case AGG_BOOL:
		cell->as.integer = DatumGetBool(value);
		break;
	case AGG_INT4:
		cell->as.integer = DatumGetInt32(value);
		break;
	case AGG_INT8:
		cell->as.integer = DatumGetInt64(value);
		break;
	case AGG_TIMESTAMPTZ:
		cell->as.integer = DatumGetTimestampTz(value);
		break;
	case AGG_FLOAT8:
		cell->as.real = DatumGetFloat8(value);
		break;
	case AGG_TID: {
		ItemPointer place = (ItemPointer)DatumGetPointer(value);

		cell->as.integer = ((int64)ItemPointerGetBlockNumberNoCheck(place) << 16) | ItemPointerGetOffsetNumberNoCheck(place);
		break;
	}
	case AGG_TEXT: {
		text *packed = DatumGetTextPP(value);
		char *copy;

		cell->length = VARSIZE_ANY_EXHDR(packed);
		copy = palloc(cell->length + 1);
		memcpy(copy, VARDATA_ANY(packed), cell->length);
		cell->as.text = copy;
		break;
	}
	}
}

/* The cell type that serves an SQL argument; types that have none of their own travel as their text. */
static agg_type serving_type(Oid type) {
	switch (type) {
	case BOOLOID:
		return AGG_BOOL;
	case INT4OID:
		return AGG_INT4;
	case INT8OID:
		return AGG_INT8;
	case FLOAT8OID:
		return AGG_FLOAT8;
	case TIMESTAMPTZOID:
		return AGG_TIMESTAMPTZ;
	case INTERVALOID:
		return AGG_INT8; /* microseconds */
	case DATEOID:
		return AGG_INT8; /* days since 1970-01-01 */
	default:
		return AGG_TEXT;
	}
}

/* In microseconds, a month being 30 days as in comparisons of intervals; saturates. */
static int64 interval_to_microseconds(const Interval *interval) {
	int64 days = (int64)interval->month * DAYS_PER_MONTH + interval->day;
	int64 result;

	if (pg_mul_s64_overflow(days, USECS_PER_DAY, &result) || pg_add_s64_overflow(result, interval->time, &result))
		return days > 0 ? PG_INT64_MAX : PG_INT64_MIN;
	return result;
}

static void argument_to_cell(NullableDatum argument, Oid type, agg_cell *cell) {
	agg_type serving = serving_type(type);

	if (!argument.isnull && type == INTERVALOID) {
		cell->is_null = false;
		cell->as.integer = interval_to_microseconds(DatumGetIntervalP(argument.value));
		return;
	}
	if (!argument.isnull && type == DATEOID) {
		cell->is_null = false;
		cell->as.integer = (int64)DatumGetDateADT(argument.value) + DAYS_BEFORE_POSTGRES;
		return;
	}
	if (!argument.isnull && serving == AGG_TEXT && type != TEXTOID) {
		Oid output;
		bool is_varlena;
		char *text;

		getTypeOutputInfo(type, &output, &is_varlena);
		text = OidOutputFunctionCall(output, argument.value);
		cell->is_null = false;
		cell->as.text = text;
		cell->length = (int32_t)strlen(text);
		return;
	}
	agg_datum_to_cell(argument.value, argument.isnull, serving, cell);
}

void agg_argument_to_parameter(NullableDatum argument, Oid type, agg_parameter *parameter) {
	Oid element = get_element_type(type);
	agg_cell *cells;

	parameter->is_array = OidIsValid(element);
	if (!parameter->is_array) {
		cells = palloc0(sizeof(agg_cell));
		argument_to_cell(argument, type, cells);
		parameter->type = serving_type(type);
		parameter->count = 1;
	} else {
		Datum *values;
		bool *nulls;
		int count = 0;
		int16 length;
		bool by_value;
		char align;

		parameter->type = serving_type(element);
		cells = NULL;
		if (!argument.isnull) {
			get_typlenbyvalalign(element, &length, &by_value, &align);
			deconstruct_array(DatumGetArrayTypeP(argument.value), element, length, by_value, align, &values, &nulls, &count);
			cells = palloc0(sizeof(agg_cell) * Max(count, 1));
			for (int i = 0; i < count; i++)
				argument_to_cell((NullableDatum) {.value = values[i], .isnull = nulls[i]}, element, &cells[i]);
		}
		parameter->count = count;
	}
	parameter->cells = cells;
}

/* An argument, not NULL, of a function that C calls (agg_call_in_trigger). */
agg_argument agg_make_argument(const char *name, Datum value, Oid type) {
	agg_argument argument = {.name = name};

	agg_argument_to_parameter((NullableDatum) {.value = value, .isnull = false}, type, &argument.value);
	return argument;
}
