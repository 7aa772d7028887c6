#include "broker/relay/post.h"

#include <stdio.h>
#include <string.h>

#include "outgoing/easy.h"

#define REQUEST_MS 10000L /* less than a lease */
#define ANSWER_MAX (8u << 20)
#define HEADER_MAX 8192u
#define LATER_MAX  300000 /* ms; a region that asks for more is asked sooner */

static size_t take_answer(char *bytes, size_t one, size_t len, void *data)
{
    push_buffer_t *answer = data;

    (void)one;
    if (push_buffer_len(answer) + len > ANSWER_MAX
        || !push_buffer_reserve(answer, len)) {
        return 0;
    }
    memcpy(answer->bytes + answer->to, bytes, len);
    answer->to += len;
    return len;
}

static bool add_header(push_shipment_t *shipment, const char *header)
{
    struct curl_slist *more = curl_slist_append(shipment->headers, header);

    if (more) {
        shipment->headers = more;
    }
    return more != NULL;
}

static bool make_headers(push_shipment_t *shipment)
{
    const char *token = shipment->region->set->token;
    char text[HEADER_MAX];

    if (token) {
        snprintf(text, sizeof(text), "Authorization: Bearer %s", token);
        if (!add_header(shipment, text)) {
            return false;
        }
    }
    return add_header(shipment, "Content-Type: application/x-ndjson")
           && add_header(shipment, "Push-Relayed: 1")
           && add_header(shipment, "Expect:");
}

static void set_options(push_shipment_t *shipment)
{
    const push_region_t *set = shipment->region->set;
    CURL *easy = shipment->easy;

    push_outgoing_prepare(easy);
    push_outgoing_address(easy, set->url, REQUEST_MS);
    if (set->ca) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, set->ca);
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, shipment->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &shipment->answer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, shipment->error);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, shipment);
}

bool push_post_init(push_shipment_t *shipment)
{
    shipment->easy = curl_easy_init();
    if (!shipment->easy || !make_headers(shipment)) {
        return false;
    }
    set_options(shipment);
    return true;
}

void push_post_cleanup(push_shipment_t *shipment)
{
    curl_easy_cleanup(shipment->easy);
    curl_slist_free_all(shipment->headers);
    push_buffer_cleanup(&shipment->answer);
}

bool push_post_start(push_shipment_t *shipment)
{
    const push_buffer_t *body = &shipment->lot.body;

    push_buffer_take(&shipment->answer, push_buffer_len(&shipment->answer));
    shipment->error[0] = '\0';
    curl_easy_setopt(shipment->easy, CURLOPT_POSTFIELDS,
                     body->bytes + body->from);
    curl_easy_setopt(shipment->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)push_buffer_len(body));
    return curl_multi_add_handle(shipment->region->relay->multi,
                                 shipment->easy)
           == CURLM_OK;
}

/* ---- how it ended ---- */

static push_post_end_t end_of_status(long status)
{
    if (status == 401 || status == 403) {
        return PUSH_POST_DENIED;
    }
    return status == 408 || status == 425 || status == 429 || status >= 500
               ? PUSH_POST_AWAY
               : PUSH_POST_WRONG;
}

static push_post_end_t take_lines(push_shipment_t *shipment, char *why)
{
    push_lot_t *lot = &shipment->lot;
    const push_buffer_t *answer = &shipment->answer;

    push_lot_answered(lot, answer->bytes + answer->from,
                      push_buffer_len(answer));
    if (lot->foreign) {
        snprintf(why, PUSH_POST_WHY,
                 "it answers 200, but not as a publish address does");
        return PUSH_POST_WRONG;
    }
    if (lot->again && !lot->sent && !lot->refused) {
        snprintf(why, PUSH_POST_WHY, "%s",
                 *lot->reason ? lot->reason : "its answer was cut off");
        return PUSH_POST_AWAY;
    }
    return PUSH_POST_TAKEN;
}

push_post_end_t push_post_over(push_shipment_t *shipment, CURLcode result,
                               char *why, int64_t *later)
{
    curl_off_t after = 0;
    long status = 0;

    curl_multi_remove_handle(shipment->region->relay->multi, shipment->easy);
    curl_easy_getinfo(shipment->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(shipment->easy, CURLINFO_RETRY_AFTER, &after);
    *later = after > LATER_MAX / 1000 ? LATER_MAX : (int64_t)after * 1000;
    /* What came of a cut answer counts: those lines were published. */
    if (status == 200) {
        return take_lines(shipment, why);
    }
    push_lot_unanswered(&shipment->lot);
    if (result != CURLE_OK) {
        snprintf(why, PUSH_POST_WHY, "%s",
                 shipment->error[0] ? shipment->error
                                    : curl_easy_strerror(result));
        return PUSH_POST_AWAY;
    }
    snprintf(why, PUSH_POST_WHY, "it answers %ld", status);
    return end_of_status(status);
}
