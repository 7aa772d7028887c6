-- ---- the functions ----
-- Those that free memory, or keep what is there in order, go on where there is
-- none left; those that only read also where nothing may be written.

local function register(name, body, ...)
  redis.register_function {
    function_name = name,
    callback = function(keys, args)
      if not vm then
        bind()
      end
      return body(keys, args)
    end,
    flags = {...},
  }
end

register('push_hello', push_hello, 'no-writes', 'allow-oom')
register('push_drain', push_drain, 'no-writes', 'allow-oom')
register('push_view', push_view, 'no-writes', 'allow-oom')
register('push_tags', push_tags, 'no-writes', 'allow-oom')
register('push_read', push_read, 'no-writes', 'allow-oom')
register('push_relay_count', push_relay_count, 'no-writes', 'allow-oom')
register('push_relay_waiting', push_relay_waiting, 'no-writes', 'allow-oom')
register('push_collect', push_collect, 'no-writes', 'allow-oom')
register('push_marks', push_marks, 'no-writes', 'allow-oom')
register('push_later', push_later, 'no-writes', 'allow-oom')
register('push_laters', push_laters, 'no-writes', 'allow-oom')
register('push_later_next', push_later_next, 'no-writes', 'allow-oom')

register('push_publish', push_publish)
register('push_schedule', push_schedule)
register('push_release', push_release)
register('push_claim', push_claim)
register('push_take', push_take)
register('push_once', push_once)
register('push_tag', push_tag)
register('push_hold', push_hold)

-- The same for a device that has a record, where there is no memory for more.
register('push_reclaim', push_claim, 'allow-oom')
register('push_follow', push_follow, 'allow-oom')
register('push_unfollow', push_unfollow, 'allow-oom')
register('push_resync', push_resync, 'allow-oom')
register('push_yield', push_yield, 'allow-oom')
register('push_untag', push_tag, 'allow-oom')
register('push_tick', push_tick, 'allow-oom')
register('push_save', push_save, 'allow-oom')
register('push_recall', push_recall, 'allow-oom')
register('push_done', push_done, 'allow-oom')
register('push_send', push_send, 'allow-oom')
register('push_ask', push_ask, 'allow-oom')
register('push_leave', push_leave, 'allow-oom')
register('push_answer', push_answer, 'allow-oom')
register('push_tell_all', push_tell_all, 'allow-oom')
register('push_revoke', push_revoke, 'allow-oom')
register('push_meta', push_meta, 'allow-oom')
register('push_lease', push_lease, 'allow-oom')
register('push_resign', push_resign, 'allow-oom')
register('push_relay_take', push_relay_take, 'allow-oom')
register('push_relay_done', push_relay_done, 'allow-oom')
register('push_due', push_due, 'allow-oom')
register('push_unschedule', push_unschedule, 'allow-oom')
