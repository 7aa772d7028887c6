#include "broker/node/answers.h"

#include <stddef.h>

static const struct {
    push_survey_kind_t kind;
    push_answer_take_t *take;
} answers[] = {{PUSH_SURVEY_DEVICE, NULL}};

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
