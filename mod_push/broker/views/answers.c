#include "broker/views/answers.h"

#include <stddef.h>

#include "broker/views/seen_device.h"
#include "broker/views/seen_facts.h"
#include "broker/views/seen_lists.h"
#include "broker/views/seen_message.h"
#include "broker/views/seen_present.h"
#include "broker/views/seen_report.h"
#include "broker/views/seen_whole.h"

static const struct {
    push_survey_kind_t kind;
    push_answer_take_t *take;
} answers[] = {{PUSH_SURVEY_DEVICE, push_seen_device_answer},
               {PUSH_SURVEY_MESSAGE, push_seen_message_answer},
               {PUSH_SURVEY_FACTS, push_seen_facts_answer},
               {PUSH_SURVEY_WHOLE, push_seen_whole_answer},
               {PUSH_SURVEY_STREAMS, push_seen_streams_answer},
               {PUSH_SURVEY_CHANNELS, push_seen_channels_answer},
               {PUSH_SURVEY_PRESENT, push_seen_present_answer},
               {PUSH_SURVEY_REPORT, push_seen_report_answer}};

bool push_answers_take(push_cluster_t *cluster, unsigned kind,
                       push_text_t question, push_rows_t *rows)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        if (answers[i].kind == kind) {
            return answers[i].take(cluster, question, rows);
        }
    }
    return false;
}
