// The abstract database that operations are written against. Every call returns something to co_await: it hands a request to whoever drives
// the operation (PostgreSQL's shim, or a fake in the unit tests) and goes on when that has an outcome.
#pragma once

#include "core/change_set.hpp"
#include "core/error.hpp"
#include "core/timestamp.hpp"
#include "ops/boundary/operation.h"

#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aggregation {

/// A request of the database failed inside a subtransaction. Left uncaught, the database's own error is raised again, whole.
struct DatabaseError : Error {
	using Error::Error;
};

// Cells. Text is not copied: what it points to must outlive the cell.
agg_cell null_cell();
agg_cell cell(bool value);
agg_cell cell(int64_t value);
agg_cell cell(double value);
agg_cell cell(Timestamp value);
agg_cell cell(std::string_view value);
agg_cell cell(const char *value) = delete;

template <class T>
agg_cell cell(const std::optional<T> &value) {
	return value ? cell(*value) : null_cell();
}

/// One row of a result; columns count from 0.
class Row {
public:
	explicit Row(const agg_cell *cells) : cells_(cells) {
	}
	bool is_null(size_t column) const {
		return cells_[column].is_null;
	}
	int64_t integer(size_t column) const {
		return cells_[column].as.integer;
	}
	bool boolean(size_t column) const {
		return cells_[column].as.integer != 0;
	}
	double real(size_t column) const {
		return cells_[column].as.real;
	}
	Timestamp timestamp(size_t column) const {
		return {cells_[column].as.integer};
	}
	std::string_view text(size_t column) const {
		return {cells_[column].as.text, static_cast<size_t>(cells_[column].length)};
	}
	std::optional<double> maybe_real(size_t column) const {
		return is_null(column) ? std::nullopt : std::optional(real(column));
	}
	std::optional<int64_t> maybe_integer(size_t column) const {
		return is_null(column) ? std::nullopt : std::optional(integer(column));
	}
	std::optional<Timestamp> maybe_timestamp(size_t column) const {
		return is_null(column) ? std::nullopt : std::optional(timestamp(column));
	}
	std::optional<std::string> maybe_text(size_t column) const {
		return is_null(column) ? std::nullopt : std::optional(std::string(text(column)));
	}

private:
	const agg_cell *cells_;
};

/// A parameter of a statement: one value, or an array of them.
class Parameter {
public:
	Parameter(agg_type type, agg_cell value) : type_(type), is_array_(false), cells_ {value} {
	}
	Parameter(agg_type type, std::vector<agg_cell> array) : type_(type), is_array_(true), cells_(std::move(array)) {
	}
	agg_parameter view() const {
		return {type_, is_array_, cells_.data(), cells_.size()};
	}

private:
	agg_type type_;
	bool is_array_;
	std::vector<agg_cell> cells_;
};

/// How a statement is planned: once a session, as nested loops over index scans in the order in which it is written, whatever the
/// statistics say; or as they suggest, once a session or for each call.
enum class Planning { by_index, once_by_statistics, by_statistics };

/// Whether what a statement does to data_bars is noted as a change: as the session has set it, or not at all.
enum class Tracking { as_set, off };

/// Where a scan of a whole table begins: where another session is at it, or with the first page, so that rows come as they lie.
enum class Scans { anywhere, from_start };

/// Who says that a statement makes tasks due: the trigger of data_agg_state, which takes them for due at once, or the operation
/// (Database::note_due()).
enum class NotesDue { trigger, operation };

/// What a statement sees: what its transaction does, or, in a transaction with one snapshot, too, what was committed before the statement.
/// The latter only for what writes and locks nothing.
enum class Sight { of_transaction, of_statement };

/// A statement as operations know it: `@` before a table's name stands for the extension's schema.
struct Statement {
	const char *relation; // whose owner acts; nullptr: the caller
	const char *sql;
	std::vector<agg_type> columns = {};
	Planning planning = Planning::by_index;
	Tracking tracking = Tracking::as_set;
	uint32_t relation_oid = 0; // instead of `relation`, for a table that has no name of ours (a partition)
	Sight sight = Sight::of_transaction;
	Scans scans = Scans::anywhere;
	NotesDue notes_due = NotesDue::trigger;
};

/// Takes rows as they come. False: enough.
enum class Flow { more, enough };

/// What a bulk write fills: columns that vary from row to row, then columns that are the same in all rows, then columns that hold now().
struct BulkColumns {
	std::vector<const char *> names;
	std::vector<agg_type> types;
	size_t shared = 0;
	size_t stamped = 0;
	std::string rewrite = {}; // ON CONFLICT …

	size_t varying() const {
		return types.size() - shared - stamped;
	}
};

/// Gives rows away, one at a time; fills the varying cells of a row and returns true, or returns false at the end.
class RowSource {
public:
	virtual ~RowSource() = default;
	virtual bool next(agg_cell *row) = 0;
};

/// Other transactions that may be computing bars.
struct Derivers {
	bool any = false;
	Timestamp oldest = Timestamp::infinity(); // when the first of them began
	Timestamp newest = Timestamp::minus_infinity();
};

/// Other runners that are at work.
struct Runners {
	size_t count = 0;
	size_t before = 0; // of these, in an order that all agree about
};

class CalendarCache;

/// By which way the source of many tasks is read; source_slice.hpp says what the ways are.
enum class ReadSource { as_cheaper, by_key, by_time };

class Database {
public:
	/// Whether each statement sees what was committed before it, or the whole transaction what was committed before its first one.
	enum class Snapshot { of_statement, of_transaction };

	Database(agg_table_names tables, Timestamp transaction_start, Snapshot snapshot, std::string release, CalendarCache &calendars,
	         ReadSource read_source = ReadSource::as_cheaper)
	    : tables_(tables), schema_(tables.schema), release_(std::move(release)), transaction_start_(transaction_start),
	      clock_(transaction_start), snapshot_(snapshot), calendars_(calendars), read_source_(read_source) {
	}
	Database(const Database &) = delete;
	Database &operator=(const Database &) = delete;

	/// now(): when the transaction began.
	Timestamp transaction_start() const {
		return transaction_start_;
	}
	/// Whether the operation works on a group of shards instead of the plain tables.
	bool is_group() const {
		return tables_.other_count > 0;
	}
	const std::string &schema() const {
		return schema_;
	}
	/// The version of the library.
	const std::string &release() const {
		return release_;
	}
	Snapshot snapshot() const {
		return snapshot_;
	}
	/// What this session has read of calendars (calendars.hpp).
	CalendarCache &calendars() {
		return calendars_;
	}
	/// How source is read that many tasks share in time, as the session has set it.
	ReadSource read_source() const {
		return read_source_;
	}
	/// Whether source or tasks may have changed unnoticed by those who keep track of changes: this transaction sees the database as it was
	/// when it began, or derives tasks that nobody else can see yet. Then what it derives is looked at again; see change_log.hpp.
	bool may_miss_changes() const {
		return snapshot_ == Snapshot::of_transaction || own_tasks_;
	}
	/// Whether the log of changes holds entries of this very transaction.
	bool has_own_changes() const {
		return own_changes_;
	}
	/// The time, as of the last request's outcome.
	Timestamp clock() const {
		return clock_;
	}
	void take_state(const agg_outcome &outcome) {
		if (outcome.tables != nullptr)
			tables_ = *outcome.tables;
		clock_ = {outcome.clock};
		own_changes_ = outcome.own_changes;
		own_tasks_ = outcome.own_tasks;
	}

	// What is being awaited, seen from the driver.
	class Pending {
	public:
		virtual ~Pending() = default;
		virtual void describe(agg_request &request) const = 0;
		virtual Flow rows(const agg_cell *, size_t) {
			return Flow::enough;
		}
		virtual size_t fill(agg_cell *, size_t) {
			return 0;
		}

		bool await_ready() const noexcept {
			return false;
		}
		void await_suspend(std::coroutine_handle<> waiting) noexcept {
			database_->pending_ = this;
			database_->waiting_ = waiting;
		}

	protected:
		explicit Pending(Database &database) : database_(&database) {
		}
		/// Rows touched; throws what went wrong while rows were handed over, or inside a subtransaction in the database.
		uint64_t outcome();

		agg_derivers others() const {
			return others_;
		}
		agg_runners runners() const {
			return runners_;
		}
		Timestamp due() const {
			return due_;
		}

	private:
		friend class Database;
		Database *database_;
		std::exception_ptr fault_;
		std::optional<DatabaseError> error_;
		uint64_t processed_ = 0;
		agg_derivers others_ {};
		agg_runners runners_ {};
		Timestamp due_ {};
	};

	template <class Take>
	class Query : public Pending {
	public:
		Query(Database &database, const Statement &statement, std::vector<Parameter> parameters, Take take)
		    : Pending(database), relation_(statement.relation), relation_oid_(statement.relation_oid),
		      sql_(database.qualify(statement.sql)), columns_(statement.columns), parameters_(std::move(parameters)),
		      keep_plan_(statement.planning != Planning::by_statistics), plan_by_index_(statement.planning == Planning::by_index),
		      untracked_(statement.tracking == Tracking::off), latest_(statement.sight == Sight::of_statement),
		      notes_due_(statement.notes_due == NotesDue::operation), from_start_(statement.scans == Scans::from_start),
		      take_(std::move(take)) {
			for (const auto &parameter : parameters_)
				views_.push_back(parameter.view());
		}
		void describe(agg_request &request) const override {
			request.kind = AGG_QUERY;
			request.relation = relation_;
			request.relation_oid = relation_oid_;
			request.untracked = untracked_;
			request.from_start = from_start_;
			request.notes_due = notes_due_;
			request.latest = latest_;
			request.sql = sql_.c_str();
			request.keep_plan = keep_plan_;
			request.plan_by_index = plan_by_index_;
			request.parameters = views_.data();
			request.parameter_count = views_.size();
			request.column_types = columns_.data();
			request.column_count = columns_.size();
		}
		Flow rows(const agg_cell *cells, size_t row_count) override {
			for (size_t i = 0; i < row_count; ++i) {
				if (take_(Row(cells + i * columns_.size())) == Flow::enough)
					return Flow::enough;
			}
			return Flow::more;
		}
		uint64_t await_resume() {
			return outcome();
		}

	private:
		const char *relation_;
		uint32_t relation_oid_;
		std::string sql_;
		std::vector<agg_type> columns_;
		std::vector<Parameter> parameters_;
		std::vector<agg_parameter> views_;
		bool keep_plan_;
		bool plan_by_index_;
		bool untracked_;
		bool latest_;
		bool notes_due_;
		bool from_start_;
		Take take_;
	};

	using IgnoreRow = Flow (*)(const Row &);

	class EmitQuery : public Query<IgnoreRow> {
	public:
		EmitQuery(Database &database, const Statement &statement, std::vector<Parameter> parameters)
		    : Query(database, statement, std::move(parameters), ignore_row) {
		}
		void describe(agg_request &request) const override {
			Query::describe(request);
			request.kind = AGG_EMIT_QUERY;
		}
	};

	class AskPass : public Query<IgnoreRow> {
	public:
		AskPass(Database &database, const Statement &statement, std::vector<Parameter> parameters, Timestamp from, Timestamp to,
		        uint64_t most)
		    : Query(database, statement, std::move(parameters), ignore_row), from_(from), to_(to), most_(most) {
		}
		void describe(agg_request &request) const override {
			Query::describe(request);
			request.kind = AGG_ASK_PASS;
			request.slice_from = from_.us;
			request.slice_to = to_.us;
			request.most = most_;
		}

	private:
		Timestamp from_;
		Timestamp to_;
		uint64_t most_;
	};

	class BulkWrite : public Pending {
	public:
		BulkWrite(Database &database, const char *relation, const BulkColumns &columns, const std::vector<agg_cell> &shared,
		          RowSource &source, const char *conflict)
		    : Pending(database), relation_(relation), columns_(columns), shared_(shared), source_(source), conflict_(conflict) {
		}
		void describe(agg_request &request) const override;
		size_t fill(agg_cell *cells, size_t most_rows) override;
		uint64_t await_resume() {
			return outcome();
		}

	private:
		const char *relation_;
		const BulkColumns &columns_;
		const std::vector<agg_cell> &shared_;
		RowSource &source_;
		const char *conflict_;
	};

	class Simple : public Pending {
	public:
		Simple(Database &database, agg_request_kind kind, const std::vector<agg_cell> *cells = nullptr, size_t columns = 0)
		    : Pending(database), kind_(kind), cells_(cells), columns_(columns) {
		}
		void describe(agg_request &request) const override;
		uint64_t await_resume() {
			return outcome();
		}

	private:
		agg_request_kind kind_;
		const std::vector<agg_cell> *cells_;
		size_t columns_;
	};

	class AskOthers : public Pending {
	public:
		AskOthers(Database &database, agg_request_kind kind) : Pending(database), kind_(kind) {
		}
		void describe(agg_request &request) const override {
			request.kind = kind_;
		}
		Derivers await_resume() {
			outcome();
			return {others().any, {others().oldest}, {others().newest}};
		}

	private:
		agg_request_kind kind_;
	};

	class AskRunners : public Pending {
	public:
		explicit AskRunners(Database &database) : Pending(database) {
		}
		void describe(agg_request &request) const override {
			request.kind = AGG_ASK_RUNNING;
		}
		Runners await_resume() {
			outcome();
			return {runners().count, runners().before};
		}
	};

	class AskDue : public Simple {
	public:
		explicit AskDue(Database &database) : Simple(database, AGG_ASK_DUE) {
		}
		Timestamp await_resume() {
			outcome();
			return due();
		}
	};

	class NoteDue : public Pending {
	public:
		NoteDue(Database &database, Timestamp due) : Pending(database), due_(due) {
		}
		void describe(agg_request &request) const override {
			request.kind = AGG_NOTE_DUE;
			request.due = due_.us;
		}
		void await_resume() {
			outcome();
		}

	private:
		Timestamp due_;
	};

	/// Whether there is any.
	class Whether : public Simple {
	public:
		Whether(Database &database, agg_request_kind kind) : Simple(database, kind) {
		}
		bool await_resume() {
			return outcome() > 0;
		}
	};

	class AboutTable : public Pending {
	public:
		AboutTable(Database &database, agg_request_kind kind, const char *relation) : Pending(database), kind_(kind), relation_(relation) {
		}
		void describe(agg_request &request) const override {
			request.kind = kind_;
			request.relation = relation_;
		}

	private:
		agg_request_kind kind_;
		const char *relation_;
	};

	class CheckStrangers : public AboutTable {
	public:
		CheckStrangers(Database &database, const char *relation) : AboutTable(database, AGG_CHECK_STRANGERS, relation) {
		}
		void await_resume() {
			outcome();
		}
	};

	class AskPages : public AboutTable {
	public:
		AskPages(Database &database, const char *relation) : AboutTable(database, AGG_ASK_PAGES, relation) {
		}
		bool await_resume() {
			return outcome() == 0;
		}
	};

	class TakeChanges : public Pending {
	public:
		TakeChanges(Database &database, ChangeSet &changes) : Pending(database), changes_(changes) {
		}
		void describe(agg_request &request) const override {
			request.kind = AGG_TAKE_CHANGES;
		}
		Flow rows(const agg_cell *cells, size_t row_count) override;
		void await_resume() {
			outcome();
		}

	private:
		ChangeSet &changes_;
	};

	class Telling : public Pending {
	public:
		Telling(Database &database, agg_request_kind kind, std::string text, std::string hint = "")
		    : Pending(database), kind_(kind), text_(std::move(text)), hint_(std::move(hint)) {
		}
		void describe(agg_request &request) const override;
		void await_resume() {
			outcome();
		}

	private:
		agg_request_kind kind_;
		std::string text_;
		std::string hint_;
	};

	/// Runs a statement; `take(Row)` gets each row and says whether it wants more. Awaited, it gives the number of rows touched.
	template <class Take>
	Query<Take> query(const Statement &statement, std::vector<Parameter> parameters, Take take) {
		return Query<Take>(*this, statement, std::move(parameters), std::move(take));
	}
	/// Runs a statement without a result.
	auto execute(const Statement &statement, std::vector<Parameter> parameters) {
		return query(statement, std::move(parameters), ignore_row);
	}
	/// How many rows a statement looks at that reads the bars with times in [from, to), by the plan that it has now and by what lies there;
	/// any number from `most` on says: too many.
	AskPass rows_of_pass(const Statement &statement, std::vector<Parameter> parameters, Timestamp from, Timestamp to, uint64_t most) {
		return {*this, statement, std::move(parameters), from, to, most};
	}
	/// Inserts all rows of `source`, at COPY's speed where nobody but PostgreSQL manages the table; a key that exists is an error. `shared`
	/// holds the values of the columns that are the same in all rows. What is passed must outlive the await.
	BulkWrite insert_rows(const char *relation, const BulkColumns &columns, const std::vector<agg_cell> &shared, RowSource &source) {
		return {*this, relation, columns, shared, source, nullptr};
	}
	/// The same for rows some of which may be there already: those are rewritten.
	BulkWrite put_rows(const char *relation, const BulkColumns &columns, const std::vector<agg_cell> &shared, RowSource &source) {
		return {*this, relation, columns, shared, source, columns.rewrite.c_str()};
	}
	/// From begin to release or roll back, a failing request throws DatabaseError where it is awaited; the transaction can go on only after
	/// a roll back.
	Simple begin_subtransaction() {
		return {*this, AGG_BEGIN_SUBTRANSACTION};
	}
	Simple release_subtransaction() {
		return {*this, AGG_RELEASE_SUBTRANSACTION};
	}
	Simple rollback_subtransaction() {
		return {*this, AGG_ROLLBACK_SUBTRANSACTION};
	}
	/// Runs a kept statement whose rows are rows of the result of a set-returning function, and adds them to it; they are not seen here.
	/// Awaited, it gives their number.
	EmitQuery emit_query(const Statement &statement, std::vector<Parameter> parameters) {
		return {*this, statement, std::move(parameters)};
	}
	/// Adds rows, `columns` cells each, to the result of a set-returning function.
	Simple emit_rows(const std::vector<agg_cell> &cells, size_t columns) {
		return {*this, AGG_EMIT_ROWS, &cells, columns};
	}

	/// Makes what was written so far durable and visible, lets go of all locks, and goes on in a new transaction.
	Simple commit() {
		return {*this, AGG_COMMIT};
	}
	/// The same, but durable only with the next commit() (or within a second): a crash before that undoes it, as a whole.
	Simple commit_lazily() {
		return {*this, AGG_COMMIT_LAZILY};
	}
	/// Shows other sessions what this one is doing, committed or not (pg_stat_activity.query).
	Telling show_progress(std::string text) {
		return {*this, AGG_PROGRESS, std::move(text)};
	}
	/// Tells the caller; the hint says what to do.
	Telling notice(std::string text, std::string hint = "") {
		return {*this, AGG_NOTICE, std::move(text), std::move(hint)};
	}

	/// From here to the end of the transaction others can see that bars may be computed in it; see change_log.hpp for what that is good
	/// for.
	Simple begin_deriving() {
		return {*this, AGG_BEGIN_DERIVING};
	}
	/// The other transactions that are, at this moment, behind their begin_deriving().
	AskOthers others_deriving() {
		return {*this, AGG_ASK_DERIVING};
	}
	/// The same for transactions that take entries of their own out of the log of changes: see change_log.hpp.
	Simple begin_absorbing_own() {
		return {*this, AGG_BEGIN_ABSORBING};
	}
	AskOthers others_absorbing_own() {
		return {*this, AGG_ASK_ABSORBING};
	}
	/// From here to the end of the transaction other runners can see that this one works on tasks.
	Simple begin_running() {
		return {*this, AGG_BEGIN_RUNNING};
	}
	/// The others that are behind their begin_running().
	AskRunners other_runners() {
		return AskRunners(*this);
	}
	/// Before this no task is due; -infinity where nobody knows (src/pg/next_due.c).
	AskDue next_due() {
		return AskDue(*this);
	}
	/// Says that this transaction has made tasks due at that time or later.
	NoteDue note_due(Timestamp from) {
		return {*this, from};
	}
	/// Looks when the next task is due, so that next_due() tells it from now on. Where it is true, the transaction must be committed at
	/// once.
	Whether look_ahead() {
		return {*this, AGG_LOOK_AHEAD};
	}
	/// Goes on to the next set of tables, of an operation that works on all groups of shards on this node one after the other: it begins
	/// with the node's copies of what all groups share. On a single node the only set is that of the plain tables. Awaited, false: there is
	/// none.
	Whether next_set() {
		return {*this, AGG_NEXT_SET};
	}
	/// An error (55000) if somebody else than the table's owner has put code there that writing it would run (src/pg/strangers.c). To be
	/// asked where one wants to say so; whoever writes is checked anyway.
	CheckStrangers check_strangers(const char *relation) {
		return {*this, relation};
	}
	/// True: the table holds no row that is committed, or of this transaction. False: it may. Costs a fraction of a statement.
	AskPages surely_empty(const char *relation) {
		return {*this, relation};
	}
	/// Awaited, not 0 where another extension keeps, or has kept, rows of data_bars or derived_data_bars in tables below (TimescaleDB).
	/// Costs as little.
	Simple rows_in_chunks() {
		return {*this, AGG_ASK_CHUNKS};
	}
	/// Has windows marked to be looked at again, at the moment when this transaction commits: rows of symbol, timeframe,
	/// from, to, and how urgent (the column "due").
	Simple look_again(const std::vector<agg_cell> &cells) {
		return {*this, AGG_LOOK_AGAIN, &cells, AGG_LOOK_AGAIN_COLUMNS};
	}
	/// Says that this transaction has put entries into the log of changes.
	Simple note_own_changes() {
		return {*this, AGG_OWN_CHANGES};
	}
	/// Adds to `changes` what this transaction has changed in data_bars since its last statement that looked at the log (in the innermost
	/// subtransaction, if in one). The log is not told any more: who takes it marks it (mark_own_changes()).
	TakeChanges take_changes(ChangeSet &changes) {
		return {*this, changes};
	}

	/// Tells the database's background worker, once this transaction has committed, to look for due tasks at once.
	Simple wake_worker() {
		return {*this, AGG_WAKE_WORKER};
	}

	// The driver's side.
	Pending *pending() const {
		return pending_;
	}
	Flow deliver_rows(const agg_cell *cells, size_t row_count) noexcept;
	size_t fetch_rows(agg_cell *cells, size_t most_rows) noexcept;
	void resume(const agg_outcome &outcome);

	/// The statement with `@` replaced by the schema and a dot.
	std::string qualify(std::string_view sql) const;

private:
	static Flow ignore_row(const Row &) {
		return Flow::more;
	}

	agg_table_names tables_;
	std::string schema_;
	std::string release_;
	Timestamp transaction_start_;
	Timestamp clock_;
	Snapshot snapshot_;
	CalendarCache &calendars_;
	ReadSource read_source_;
	bool own_changes_ = false;
	bool own_tasks_ = false;
	Pending *pending_ = nullptr;
	std::coroutine_handle<> waiting_;
};

} // namespace aggregation
