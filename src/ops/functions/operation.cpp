// The C++ side of the boundary: owns a suspended operation, drives it from request to request, and turns everything that is thrown into
// data.
#include "ops/boundary/operation.h"

#include "ops/boundary/calendar_cache.hpp"
#include "ops/functions/functions.hpp"

#include <cctype>
#include <new>

using namespace aggregation;

static ReadSource read_source_of(const agg_context &context) {
	switch (context.read_source) {
	case AGG_READ_BY_KEY:
		return ReadSource::by_key;
	case AGG_READ_BY_TIME:
		return ReadSource::by_time;
	case AGG_READ_AS_CHEAPER:
		break;
	}
	return ReadSource::as_cheaper;
}

struct agg_operation {
	agg_operation(const agg_context &context, Op<Answer> (*function)(Database &, Arguments), Arguments arguments)
	    : database(context.tables, Timestamp {context.transaction_start},
	               context.fixed_snapshot ? Database::Snapshot::of_transaction : Database::Snapshot::of_statement,
	               context.release == nullptr ? "" : context.release, context.calendars->cache, read_source_of(context)),
	      op(function(database, arguments)) {
	}

	Database database;
	Op<Answer> op;
	bool started = false;
	std::optional<Answer> answer;
	Error failure {sqlstate::internal_error, ""};
};

namespace {

using Function = Op<Answer> (*)(Database &, Arguments);

Function function_of(agg_function function) {
	switch (function) {
#define AGG_CASE(name)                                                                                                                     \
	case AGG_FN_##name:                                                                                                                    \
		return name;
		AGG_FUNCTIONS(AGG_CASE)
#undef AGG_CASE
	}
	return nullptr;
}

const char *or_null(const std::string &text) {
	return text.empty() ? nullptr : text.c_str();
}

agg_error told(const char *state, const char *message, const char *detail, const char *hint) {
	return {.sqlstate = state, .message = message, .detail = detail, .hint = hint, .table = nullptr, .constraint = nullptr};
}

void describe_failure(const Error &failure, agg_request &request) {
	request.kind = AGG_FAILED;
	request.error = told(failure.sqlstate.c_str(), failure.message.c_str(), or_null(failure.detail), or_null(failure.hint));
}

/// A hint names calls, and they can be pasted: where the functions live in a schema of their own, with it.
std::string with_schema(std::string hint, const std::string &schema) {
	static const char *const names[] = {
#define AGG_NAME(name) #name "(",
	    AGG_SQL_FUNCTIONS(AGG_NAME) AGG_SQL_PROCEDURES(AGG_NAME)
#undef AGG_NAME
	};
	if (schema == "public")
		return hint;
	const auto part_of_a_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '"'; };
	for (const char *name : names) {
		size_t at = 0;
		while ((at = hint.find(name, at)) != std::string::npos) {
			const bool begins_here = at == 0 || !part_of_a_name(hint[at - 1]);
			if (begins_here)
				hint.insert(at, schema + ".");
			at += (begins_here ? schema.size() + 1 : 0) + 1;
		}
	}
	return hint;
}

void describe_out_of_memory(agg_request &request) {
	request.kind = AGG_FAILED;
	request.error = told(sqlstate::out_of_memory, "out of memory", nullptr, "Process fewer tasks or windows in one call.");
}

void describe_answer(const Answer &answer, agg_request &request) {
	request.kind = AGG_DONE;
	if (answer.written) {
		request.result_type = AGG_TEXT;
		request.result = cell(std::string_view(*answer.written));
	} else if (answer.timestamp_value) {
		request.result_type = AGG_TIMESTAMPTZ;
		request.result = cell(*answer.timestamp_value);
	} else {
		request.result = null_cell();
	}
}

} // namespace

agg_calendar_cache *agg_calendar_cache_new() noexcept {
	return new (std::nothrow) agg_calendar_cache;
}

void agg_calendar_cache_free(agg_calendar_cache *cache) noexcept {
	delete cache;
}

agg_operation *agg_operation_new(agg_function function, const agg_context *context, const agg_argument *arguments, size_t count) noexcept {
	try {
		return new agg_operation(*context, function_of(function), Arguments(arguments, count));
	} catch (...) {
		return nullptr; // nothing but memory can fail here: the operation has not begun
	}
}

void agg_operation_free(agg_operation *operation) noexcept {
	delete operation;
}

void agg_operation_resume(agg_operation *operation, const agg_outcome *outcome, agg_request *next) noexcept {
	*next = {};
	operation->database.take_state(*outcome);
	try {
		if (operation->started) {
			operation->database.resume(*outcome);
		} else {
			operation->started = true;
			operation->op.start();
		}
		if (operation->op.done()) {
			operation->answer = operation->op.result();
			describe_answer(*operation->answer, *next);
		} else {
			operation->database.pending()->describe(*next);
		}
	} catch (const DatabaseError &) {
		next->kind = AGG_FAILED_BY_DATABASE;
	} catch (const Error &error) {
		try {
			operation->failure = error;
			operation->failure.hint = with_schema(error.hint, operation->database.schema());
			describe_failure(operation->failure, *next);
		} catch (...) {
			describe_out_of_memory(*next);
		}
	} catch (const std::bad_alloc &) {
		describe_out_of_memory(*next);
	} catch (...) {
		next->kind = AGG_FAILED;
		next->error =
		    told(sqlstate::internal_error, "unexpected failure in the aggregation engine", nullptr, "Please report this as a bug.");
	}
}

bool agg_operation_rows(agg_operation *operation, const agg_cell *cells, size_t row_count) noexcept {
	return operation->database.deliver_rows(cells, row_count) == Flow::more;
}

size_t agg_operation_fill(agg_operation *operation, agg_cell *cells, size_t most_rows) noexcept {
	return operation->database.fetch_rows(cells, most_rows);
}
