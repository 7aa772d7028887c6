<?php
// An application in PHP: it answers what a file says (apps.h).
$text = file_get_contents(dirname(__DIR__) . '/answers/' . basename($_SERVER['QUERY_STRING']));
[$head, $body] = explode("\n\n", $text, 2);
$lines = explode("\n", $head);
$orders = [];
foreach (array_slice($lines, 1) as $line) {
    if ($line[0] === '!') {
        [$key, $value] = explode(': ', substr($line, 1), 2);
        $orders[$key] = (int) $value;
    } else {
        header($line, false);
    }
}
http_response_code((int) $lines[0]);
while (ob_get_level()) {
    ob_end_flush();
}
if (isset($orders['cut'])) {
    echo substr($body, 0, $orders['cut']);
    flush();
    usleep(100000);
    exec('kill -9 ' . getmypid());
}
if (isset($orders['parts'])) {
    foreach (str_split($body, (int) ceil(strlen($body) / $orders['parts'])) as $part) {
        echo $part;
        flush();
        isset($orders['gate']) || usleep(200000);
        $end = time() + 60;
        while (isset($orders['gate']) && !file_exists(dirname(__DIR__) . '/answers/gate') && time() < $end) {
            usleep(20000);
        }
    }
    exit;
}
echo $body;
