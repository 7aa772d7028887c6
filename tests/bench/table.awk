# Turns the figures of tests/bench/bench into a Markdown table: medians over
# the rounds, mod_push beside nchan and the limit, and the ratios.

{
    split("", field)
    for (i = 1; i <= NF; i++) {
        eq = index($i, "=")
        field[substr($i, 1, eq - 1)] = substr($i, eq + 1)
    }
    for (name in field) {
        key = field["row"] SUBSEP name SUBSEP field["target"]
        values[key] = values[key] " " field[name]
        targets[field["target"]] = 1
    }
}

END {
    print "| what | mod_push | nchan | mod_push ÷ nchan | goal " \
        "| limit | mod_push ÷ limit |"
    print "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    print_row("user memory an idle stream, bytes (" idle " streams)", \
        median("idle", "bytes_per_stream", "push"), \
        median("idle", "bytes_per_stream", "nchan"), "", "%.0f", "≤ 1/12")
    row("streams opened a second", "idle", "opened_per_s", "%.0f", "≥ 1")
    row("— server CPU a stream, µs", \
        "idle", "server_us_per_open", "%.1f", "")
    row("fan-out to 1,000 streams, fastest publisher¹, deliveries/s", \
        "fanbest", "delivered_per_s", "%.0f", "≥ 20")
    row("— server CPU a delivery, µs", \
        "fanbest", "server_us_per_delivery", "%.3f", "")
    row("fan-out to 1,000 streams, a POST a message², deliveries/s", \
        "fanpost", "delivered_per_s", "%.0f", "")
    row("— server CPU a delivery, µs", \
        "fanpost", "server_us_per_delivery", "%.3f", "")
    row("fan-out to 1,000 streams by TLS, fastest publisher¹, deliveries/s", \
        "fantls", "delivered_per_s", "%.0f", "")
    row("— server CPU a delivery, µs", \
        "fantls", "server_us_per_delivery", "%.3f", "")
    row("unicast to 1,000 users, a POST a message², messages/s", \
        "unipost", "delivered_per_s", "%.0f", "≥ 0.6")
    row("— server CPU a message, µs", \
        "unipost", "server_us_per_delivery", "%.1f", "")
    row("unicast to 1,000 users who are away, a POST a message², messages/s", \
        "away", "published_per_s", "%.0f", "")
    row("— server CPU a message, µs", \
        "away", "server_us_per_post", "%.1f", "")
    row("the same POSTs to /none, which httpd and nginx answer with 204², POSTs/s", \
        "none", "published_per_s", "%.0f", "")
    row("— server CPU a POST, µs", \
        "none", "server_us_per_post", "%.1f", "")
    of_none("— a message to users who are away, of these POSTs", "away")
    of_none("— a message to users who are there, of these POSTs", "unipost")
    row("unicast to 1,000 users, fastest publisher¹, messages/s", \
        "unibest", "delivered_per_s", "%.0f", "")
    print_row("— NDJSON against a POST a message", \
        median("unibest", "delivered_per_s", "push"), \
        median("unipost", "delivered_per_s", "nchan"), "", "%.0f", "≥ 10")
    row("— server CPU a message, µs", \
        "unibest", "server_us_per_delivery", "%.1f", "")
    latency("1,000 messages/s to 1,000 users³", "unilat", "≤ 1")
    latency("50 messages/s to 1,000 streams³", "fanlat", "≤ 1")
    print_row("user memory a waiting long poll, bytes (" idle " polls)", \
        median("pollidle", "bytes_per_stream", "push"), \
        median("pollidle", "bytes_per_stream", "nchan"), "", "%.0f", "")
    row("fan-out to 1,000 long polls, one message at a time¹, deliveries/s", \
        "pollfan", "delivered_per_s", "%.0f", "")
    row("— server CPU a delivery, µs", \
        "pollfan", "server_us_per_delivery", "%.1f", "")
    latency("4 messages/s to 1,000 long polls⁴", "polllat", "")
    row("framing bytes a message, unicast", "unilat", "framing", "%.1f", "")
    row("framing bytes a message, fan-out", "fanlat", "framing", "%.1f", "")
    total("accepted and not delivered, deliveries", "missing")
    total("refused, messages", "refused")
    total("gaps announced", "gaps")
    print ""
    print "1. mod_push: NDJSON on one endless body. nchan: POSTs, 8 of them in"
    print "   flight (pipelined) on each of 8 connections."
    print "2. 8 connections, one POST in flight on each."
    print "3. From the time at which a message was due to its arrival; a POST"
    print "   a message, 8 connections for the users, one for the fan-out."
    print "4. The same, published as in 1."
    print ""
    print "The limit is a server that only accepts, reads, and writes bytes that"
    print "stand ready: as long as those of mod_push, to the same sockets, as"
    print "many a call, and without a publisher."
}

function median(which, name, target,    list, n, i, j, swap)
{
    n = split(values[which, name, target], list, " ")
    if (n == 0) {
        return ""
    }
    for (i = 2; i <= n; i++) {
        for (j = i; j > 1 && list[j] + 0 < list[j - 1] + 0; j--) {
            swap = list[j]
            list[j] = list[j - 1]
            list[j - 1] = swap
        }
    }
    if (n % 2 == 1) {
        return list[(n + 1) / 2] + 0
    }
    return (list[n / 2] + list[n / 2 + 1]) / 2
}

# 1234567 as 1,234,567
function grouped(text,    sign, whole, rest, dot)
{
    sign = ""
    if (text ~ /^-/) {
        sign = "-"
        text = substr(text, 2)
    }
    dot = index(text, ".")
    rest = dot ? substr(text, dot) : ""
    whole = dot ? substr(text, 1, dot - 1) : text
    while (whole ~ /^[0-9][0-9][0-9][0-9]/) {
        rest = "," substr(whole, length(whole) - 2) rest
        whole = substr(whole, 1, length(whole) - 3)
        if (length(whole) <= 3) {
            break
        }
    }
    return sign whole rest
}

function cell(value, form)
{
    return value == "" ? "—" : grouped(sprintf(form, value))
}

function ratio(value, other,    result)
{
    if (value == "" || other == "" || other == 0) {
        return "—"
    }
    result = value / other
    return sprintf(result < 0.1 ? "%.4f" : result < 10 ? "%.2f" : "%.1f", \
                   result)
}

function print_row(title, push, nchan, limit, form, goal)
{
    printf "| %s | %s | %s | %s | %s | %s | %s |\n", title, \
        cell(push, form), cell(nchan, form), ratio(push, nchan), goal, \
        cell(limit, form), ratio(push, limit)
}

function row(title, which, name, form, goal)
{
    print_row(title, median(which, name, "push"), \
              median(which, name, "nchan"), median(which, name, "bare"), \
              form, goal)
}

# A share of what the server itself answers, in percent.
function of_none(title, which,    target, share, limit)
{
    for (target in targets) {
        share[target] = median(which, "published_per_s", target)
        limit = median("none", "published_per_s", target)
        share[target] = share[target] == "" || limit + 0 == 0 \
            ? "" : 100 * share[target] / limit
    }
    print_row(title, share["push"], share["nchan"], "", "%.0f %%", "")
}

function latency(title, which, goal)
{
    row(title ", p50, µs", which, "p50_us", "%.0f", "")
    row("— p90, µs", which, "p90_us", "%.0f", "")
    row("— p99, µs", which, "p99_us", "%.0f", goal)
    row("— greatest, µs", which, "max_us", "%.0f", "")
}

# The sum over all rows and rounds.
function total(title, name,    key, part, sum, seen, list, n, i)
{
    for (key in values) {
        split(key, part, SUBSEP)
        if (part[2] == name) {
            seen[part[3]] = 1
            n = split(values[key], list, " ")
            for (i = 1; i <= n; i++) {
                sum[part[3]] += list[i]
            }
        }
    }
    printf "| %s | %s | %s | — | | | |\n", title, \
        cell(("push" in seen) ? sum["push"] + 0 : "", "%.0f"), \
        cell(("nchan" in seen) ? sum["nchan"] + 0 : "", "%.0f")
}
