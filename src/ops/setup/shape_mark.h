/* The comment by which one sees which release's shape the extension's own tables have; the release's version follows. */
#pragma once

#define AGG_MARKED_TABLE "agg_change_log"
#define AGG_SHAPE_MARK "Changes of data_bars that are not absorbed yet. The tables agg_... have the shape of aggregation "
