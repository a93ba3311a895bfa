// Tables whose rows another extension keeps in tables below them (TimescaleDB's hypertables): agg_chunks lists these, with the time that
// each holds. A chunk that is dropped is retention, as a partition is: what was made of its bars is sealed. Nothing tells of it:
// drop_chunks() fires no trigger, and a policy calls it in a session of its own. So whoever is about to write bars looks which chunks are
// gone.
//
//   known    |  a  |  b  |  c  |            a is gone: its time is sealed
//   now            |  b     c  |  d  |      c is gone, and b has its time now (they were merged): its bars are there; d is new
//
// It is asked after the source was read: a chunk that was gone by then is known to be, and one that was read stays, locked, until the
// transaction ends. Where no chunk is left that was known, the table was emptied (or restored elsewhere), and nothing is sealed.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

namespace aggregation {

/// To be called before find_sealed() by who writes. Costs a fraction of a statement where there are no chunks.
Op<void> seal_dropped_chunks(Database &db);

} // namespace aggregation
