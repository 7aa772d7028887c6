#include "broker/views/seen_lists.h"

#include <stdlib.h>
#include <string.h>

#include "broker/views/seen_by.h"
#include "store/ops/channels.h"
#include "store/ops/streams.h"

/* Fields of a question. */
enum { ASKED_ORDER = 1, ASKED_LIMIT, ASKED_PREFIX };

/* Of an answer: a row an entry, and whether there are others. */
enum { SAID_ROW = 1, SAID_MORE };

/* Of a stream. */
enum {
    STREAM_ID = 1,
    STREAM_USER,
    STREAM_LABEL,
    STREAM_TRANSPORT,
    STREAM_SINCE,
    STREAM_BLOCKED,
    STREAM_PENDING,
    STREAM_IN_FLIGHT,
    STREAM_BEHIND
};

/* Of a channel. */
enum {
    CHANNEL_NAME = 1,
    CHANNEL_MESSAGES,
    CHANNEL_SUBSCRIBERS,
    CHANNEL_CONNECTED
};

/* ---- the question ---- */

#define QUESTION_BYTES 16384u /* a query is shorter */

static void write_question(push_rows_t *rows, const push_list_t *list)
{
    push_rows_init(rows, QUESTION_BYTES);
    push_rows_number(rows, ASKED_ORDER, (uint64_t)list->order);
    push_rows_number(rows, ASKED_LIMIT, list->limit);
    push_rows_text(rows, ASKED_PREFIX, list->prefix);
}

/* Of whatever node asks: no more than fits an answer. */
static void read_question(push_text_t question, uint32_t most,
                          push_view_t *what)
{
    uint64_t limit = push_field_number_of(question, ASKED_LIMIT);

    what->list.order = (push_order_t)push_field_number_of(question,
                                                          ASKED_ORDER);
    what->list.limit = limit < most ? (uint32_t)limit : most;
    what->list.prefix = push_field_text_of(question, ASKED_PREFIX);
    what->now = push_clock_now();
}

/* ---- streams ---- */

#define STREAMS_MOST 1000u

static void write_stream(void *data, const push_stream_view_t *view)
{
    push_rows_t *rows = data;
    uint32_t row = push_rows_begin(rows, SAID_ROW);

    push_rows_text(rows, STREAM_ID,
                   (push_text_t){(const char *)view->id, sizeof(view->id)});
    push_rows_text(rows, STREAM_USER, view->user);
    push_rows_text(rows, STREAM_LABEL, view->label);
    push_rows_number(rows, STREAM_TRANSPORT, view->transport);
    push_rows_number(rows, STREAM_SINCE, (uint64_t)view->since);
    push_rows_number(rows, STREAM_BLOCKED, (uint64_t)view->blocked);
    push_rows_number(rows, STREAM_PENDING, view->pending);
    push_rows_number(rows, STREAM_IN_FLIGHT, view->in_flight);
    push_rows_number(rows, STREAM_BEHIND, view->behind);
    push_rows_end(rows, row);
}

bool push_seen_streams_answer(push_cluster_t *cluster, push_text_t question,
                              push_rows_t *rows)
{
    const push_visitor_t visitor = {.stream = write_stream, .data = rows};
    push_view_t what = {.kind = PUSH_VIEW_STREAMS};
    bool more = false;

    read_question(question, STREAMS_MOST, &what);
    what.list.more = &more;
    if (push_streams_list(cluster->store, &what, &visitor) != PUSH_OK) {
        return false;
    }
    push_rows_number(rows, SAID_MORE, more);
    return true;
}

/* A stream with its texts; the view is the first, for its order. */
typedef struct {
    push_stream_view_t view;
    char user[PUSH_NAME_MAX];
    char label[PUSH_LABELS_MAX];
} stream_t;

typedef struct {
    push_top_t top;
    bool more;
} streams_t;

static uint32_t copy(char *to, size_t size, push_text_t text)
{
    uint32_t len = text.len < size ? text.len : (uint32_t)size;

    if (len) {
        memcpy(to, text.at, len);
    }
    return len;
}

static void read_stream(push_text_t row, unsigned owner, stream_t *stream)
{
    push_stream_view_t *view = &stream->view;
    push_field_t field;

    memset(view, 0, sizeof(*view));
    view->node = push_seen_node(owner);
    copy((char *)view->id, sizeof(view->id),
         push_field_text_of(row, STREAM_ID));
    view->user.len = copy(stream->user, sizeof(stream->user),
                          push_field_text_of(row, STREAM_USER));
    view->label.len = copy(stream->label, sizeof(stream->label),
                           push_field_text_of(row, STREAM_LABEL));
    while (push_field_next(&row, &field)) {
        uint64_t number = push_field_number(&field);

        switch (field.name) {
        case STREAM_TRANSPORT:
            view->transport = (unsigned)number;
            break;
        case STREAM_SINCE:
            view->since = (int64_t)number;
            break;
        case STREAM_BLOCKED:
            view->blocked = (int64_t)number;
            break;
        case STREAM_PENDING:
            view->pending = (uint32_t)number;
            break;
        case STREAM_IN_FLIGHT:
            view->in_flight = number;
            break;
        case STREAM_BEHIND:
            view->behind = number;
            break;
        default:
            break;
        }
    }
}

static void take_streams(void *data, unsigned owner, push_text_t answer)
{
    streams_t *streams = data;
    push_field_t field;
    stream_t stream;

    while (push_field_next(&answer, &field)) {
        if (field.name == SAID_MORE || field.name == PUSH_ROWS_MORE) {
            streams->more = true;
        }
        else if (field.name == SAID_ROW) {
            read_stream(field.bytes, owner, &stream);
            if (push_top_wants(&streams->top, &stream)) {
                push_top_put(&streams->top, &stream);
            }
        }
    }
}

static void show_streams(const streams_t *streams, const push_view_t *what,
                         const push_visitor_t *visitor)
{
    for (uint32_t i = 0; i < streams->top.count; i++) {
        stream_t *stream = push_top_at(&streams->top, i);

        stream->view.user.at = stream->user;
        stream->view.label.at = stream->label;
        visitor->stream(visitor->data, &stream->view);
    }
    *what->list.more = streams->more || streams->top.more;
}

push_status_t push_seen_streams(push_cluster_t *cluster,
                                const push_view_t *what,
                                const push_visitor_t *visitor)
{
    streams_t streams = {
        .top = {.size = sizeof(stream_t), .limit = what->list.limit}};
    push_survey_t survey = {
        .kind = PUSH_SURVEY_STREAMS, .take = take_streams, .data = &streams};
    push_rows_t question;
    push_status_t status;

    push_streams_order(what->list.order, &streams.top);
    if (!push_top_init(&streams.top)) {
        return PUSH_NO_MEMORY;
    }
    write_question(&question, &what->list);
    survey.question = push_rows_bytes(&question);
    status = push_seen_ask(cluster, what->of, &survey);
    push_rows_cleanup(&question);
    if (status == PUSH_OK) {
        show_streams(&streams, what, visitor);
        push_seen_nodes(visitor, &survey.nodes);
    }
    push_top_cleanup(&streams.top);
    return status;
}

/* ---- channels ---- */

static void write_channel(void *data, const push_channel_view_t *view)
{
    push_rows_t *rows = data;
    uint32_t row = push_rows_begin(rows, SAID_ROW);

    push_rows_text(rows, CHANNEL_NAME, view->name);
    push_rows_number(rows, CHANNEL_MESSAGES, view->messages);
    push_rows_number(rows, CHANNEL_SUBSCRIBERS, view->subscribers);
    push_rows_number(rows, CHANNEL_CONNECTED, view->connected);
    push_rows_end(rows, row);
}

bool push_seen_channels_answer(push_cluster_t *cluster, push_text_t question,
                               push_rows_t *rows)
{
    const push_visitor_t visitor = {.channel = write_channel, .data = rows};
    push_view_t what = {.kind = PUSH_VIEW_CHANNELS};
    bool more = false;

    read_question(question, PUSH_SEEN_CHANNELS, &what);
    what.list.more = &more;
    if (push_channels_list(cluster->store, &what, &visitor) != PUSH_OK) {
        return false;
    }
    push_rows_number(rows, SAID_MORE, more);
    return true;
}

typedef struct {
    push_channel_entry_t *at; /* of all nodes */
    uint32_t count, room;
    bool more;
    bool failed; /* no memory */
} channels_t;

static push_channel_entry_t *add_channel(channels_t *channels)
{
    uint32_t room = channels->room ? channels->room * 2 : 64;
    push_channel_entry_t *at = channels->at;

    if (channels->count == channels->room) {
        at = realloc(at, room * sizeof(*at));
        if (!at) {
            channels->failed = true;
            return NULL;
        }
        channels->at = at;
        channels->room = room;
    }
    return &at[channels->count++];
}

static void read_channel(push_text_t row, push_channel_entry_t *entry)
{
    entry->len = copy(entry->name, sizeof(entry->name),
                      push_field_text_of(row, CHANNEL_NAME));
    entry->messages = (uint32_t)push_field_number_of(row, CHANNEL_MESSAGES);
    entry->subscribers = (uint32_t)push_field_number_of(row,
                                                        CHANNEL_SUBSCRIBERS);
    entry->connected = (uint32_t)push_field_number_of(row, CHANNEL_CONNECTED);
}

static void take_channels(void *data, unsigned owner, push_text_t answer)
{
    channels_t *channels = data;
    push_field_t field;

    (void)owner;
    while (push_field_next(&answer, &field)) {
        if (field.name == SAID_MORE || field.name == PUSH_ROWS_MORE) {
            channels->more = true;
        }
        else if (field.name == SAID_ROW) {
            push_channel_entry_t *entry = add_channel(channels);

            if (entry) {
                read_channel(field.bytes, entry);
            }
        }
    }
}

/* One entry a channel: all of its followers, and the fullest of its copies,
 * as another one may lag behind. */
static void add_up(channels_t *channels)
{
    push_top_t by_name = {.count = 0};
    push_channel_entry_t *at = channels->at;
    uint32_t last = 0;

    if (!channels->count) {
        return;
    }
    push_channels_order(PUSH_ORDER_NAME, &by_name);
    qsort(at, channels->count, sizeof(*at), by_name.compare);
    for (uint32_t i = 1; i < channels->count; i++) {
        if (!by_name.same(&at[i], &at[last])) {
            at[++last] = at[i];
            continue;
        }
        at[last].subscribers += at[i].subscribers;
        at[last].connected += at[i].connected;
        if (at[last].messages < at[i].messages) {
            at[last].messages = at[i].messages;
        }
    }
    channels->count = last + 1;
}

static void show_channels(const channels_t *channels, const push_view_t *what,
                          const push_visitor_t *visitor)
{
    push_top_t order = {.count = 0};
    uint32_t count = channels->count;

    push_channels_order(what->list.order, &order);
    if (count) {
        qsort(channels->at, count, sizeof(*channels->at), order.compare);
    }
    *what->list.more = channels->more || count > what->list.limit;
    count = count < what->list.limit ? count : what->list.limit;
    for (uint32_t i = 0; i < count; i++) {
        const push_channel_entry_t *entry = &channels->at[i];
        const push_channel_view_t view = {{entry->name, entry->len},
                                          entry->messages,
                                          entry->subscribers,
                                          entry->connected};

        visitor->channel(visitor->data, &view);
    }
}

push_status_t push_seen_channels(push_cluster_t *cluster,
                                 const push_view_t *what,
                                 const push_visitor_t *visitor)
{
    channels_t channels = {.count = 0};
    push_list_t list = what->list;
    push_survey_t survey = {.kind = PUSH_SURVEY_CHANNELS,
                            .take = take_channels,
                            .data = &channels};
    push_rows_t question;
    push_status_t status;

    if (list.order != PUSH_ORDER_NAME) {
        list.limit = PUSH_SEEN_CHANNELS;
    }
    write_question(&question, &list);
    survey.question = push_rows_bytes(&question);
    status = push_seen_ask(cluster, what->of, &survey);
    push_rows_cleanup(&question);
    if (status == PUSH_OK && channels.failed) {
        status = PUSH_NO_MEMORY;
    }
    if (status == PUSH_OK) {
        add_up(&channels);
        show_channels(&channels, what, visitor);
        push_seen_nodes(visitor, &survey.nodes);
    }
    free(channels.at);
    return status;
}
