#include "broker/node/seen_by.h"

typedef struct {
    const push_survey_t *asked;
    unsigned node;
} filter_t;

static void take_one(void *data, unsigned owner, push_text_t answer)
{
    const filter_t *filter = data;

    if (push_owner_node(owner) == filter->node) {
        filter->asked->take(filter->asked->data, owner, answer);
    }
}

static bool has(const uint8_t *nodes, unsigned count, unsigned node)
{
    unsigned i = 0;

    while (i < count && nodes[i] != node) {
        i++;
    }
    return i < count;
}

/* All are asked: who is silent of them is nobody's concern. */
static push_status_t ask_one(push_cluster_t *cluster, unsigned node,
                             push_survey_t *survey)
{
    filter_t filter = {survey, node};
    push_survey_t all = {.kind = survey->kind,
                         .question = survey->question,
                         .take = take_one,
                         .data = &filter};

    push_survey(cluster, &all);
    if (has(all.nodes.silent, all.nodes.silent_count, node)) {
        return PUSH_BUSY;
    }
    if (!has(all.nodes.answered, all.nodes.answered_count, node)) {
        return PUSH_NOT_FOUND;
    }
    survey->nodes = (push_nodes_asked_t){.answered_count = 1,
                                         .answered = {(uint8_t)node}};
    return PUSH_OK;
}

static push_status_t ask_self(push_cluster_t *cluster, push_survey_t *survey)
{
    unsigned owner = push_cluster_owner(cluster);
    push_rows_t rows;
    bool known;

    push_rows_init(&rows, PUSH_ROWS_MAX);
    known = cluster->answer(cluster, survey->kind, survey->question, &rows);
    if (known) {
        survey->take(survey->data, owner, push_rows_bytes(&rows));
    }
    push_rows_cleanup(&rows);
    survey->nodes = (push_nodes_asked_t){
        .answered_count = owner != PUSH_OWNER_NOBODY,
        .answered = {(uint8_t)push_owner_node(owner)}};
    return known ? PUSH_OK : PUSH_BUSY;
}

push_status_t push_seen_ask(push_cluster_t *cluster, unsigned of,
                            push_survey_t *survey)
{
    unsigned owner = push_cluster_owner(cluster);

    if (of == PUSH_OF_ALL) {
        push_survey(cluster, survey);
        return PUSH_OK;
    }
    if (of == PUSH_OF_SELF
        || (owner != PUSH_OWNER_NOBODY
            && of == PUSH_OF_NODE(push_owner_node(owner)))) {
        return ask_self(cluster, survey);
    }
    return ask_one(cluster, of - PUSH_OF_NODE(0), survey);
}
