/*
 * The triggers of data_bars that notice what changes there.
 */
#ifndef AGGREGATION_CAPTURE_TRIGGERS_H
#define AGGREGATION_CAPTURE_TRIGGERS_H

#define AGG_CAPTURE_TRIGGER_NAME "aggregation_capture"
#define AGG_CAPTURE_TRUNCATE_TRIGGER_NAME "aggregation_capture_truncate"

#endif
