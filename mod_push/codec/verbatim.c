#include "codec/verbatim.h"

#include "core/message_texts.h"

static void verbatim_message(push_output_t *out, push_letter_t *letter)
{
    push_text_t data = push_message_payload(letter->message);

    push_output_lend(out, data.at, data.len);
}

/* An answer has no place for these. */
static void verbatim_gap(push_output_t *out, const push_gap_report_t *gap)
{
    (void)out;
    (void)gap;
}

static void verbatim_beat(push_output_t *out, bool event)
{
    (void)out;
    (void)event;
}

static void verbatim_bye(push_output_t *out, const push_notice_t *notice)
{
    (void)out;
    (void)notice;
}

static void verbatim_seam(push_output_t *out, push_seam_t seam)
{
    (void)out;
    (void)seam;
}

static void verbatim_batch_end(push_output_t *out, const push_letter_t *last,
                               bool more)
{
    (void)out;
    (void)last;
    (void)more;
}

const push_codec_t push_codec_verbatim = {.kind = PUSH_CODEC_VERBATIM,
                                          .name = "verbatim",
                                          .type = "message/http",
                                          .single = true,
                                          .message = verbatim_message,
                                          .gap = verbatim_gap,
                                          .beat = verbatim_beat,
                                          .bye = verbatim_bye,
                                          .seam = verbatim_seam,
                                          .batch_end = verbatim_batch_end};
