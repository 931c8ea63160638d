// What runs inside the server. A script is atomic there, and all of a commit is one.
//
// Our keys; in a cluster they begin with {pawl:APP}: instead, so that all are in one slot. Times
// are milliseconds by the server's clock; app, id and key may hold any byte.
//
//   pawl:format                 the number of all this, PAWL_REDIS_FORMAT
//   pawl:ids                    a counter: numbers of shards
//   pawl:app:APP                hash: count (of shards), s0, s1 ... (their numbers, as N below)
//   pawl:shard:N                hash: owner, until (0: released), ordered (whether pawl:order:N is
//                               whole; order.c)
//   pawl:log:N                  hash: epoch, last and trimmed (positions), position -> batch. What
//                               a commit compares and changes is in one hash, so that one command
//                               reads it and one writes it
//   pawl:rows:N                 hash: instance id -> columns
//   pawl:live:N                 set: ids of instances that have work or a timer
//   pawl:row:N:ID               hash: s -> state, h0, h17 ... -> history from that event on,
//                               c -> time of creation, 16 digits
//   pawl:order:N                sorted set: time of creation and id, in the order of their bytes
//   pawl:box:NUMBER:APP         sorted set: keys of messages, in the order of their bytes
//   pawl:mail:NUMBER:APP        hash: key -> message
//   pawl:members:APP            set: ids
//   pawl:member:LENGTH:APP:ID   hash of a member; ends with its time
//
// A commit first reads all that it is to do, checks a part, and then does it: an error that a
// server gives for want of memory, of a disk or of a master comes with the first change.

#include "store/redis/internal.h"

// What all of our keys begin with is the key of each call.
#define SCRIPT_KEYS "local P = KEYS[1]\n"

#define SCRIPT_TIME                                                                                \
    "local t = redis.call('TIME')\n"                                                               \
    "local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)\n"

// Removes batches |from| to |to| of |log|, many with a call.
#define SCRIPT_TRIM                                                                                \
    "local function trim_log(log, from, to)\n"                                                     \
    "  for first = from, to, 500 do\n"                                                             \
    "    local names = {}\n"                                                                       \
    "    for p = first, math.min(first + 499, to) do\n"                                            \
    "      names[#names + 1] = string.format('%.0f', p) end\n"                                     \
    "    redis.call('HDEL', log, unpack(names))\n"                                                 \
    "  end\n"                                                                                      \
    "end\n"

static const char *const scripts[PAWL_REDIS_SCRIPTS] = {
    [PAWL_REDIS_COMMIT] = SCRIPT_KEYS SCRIPT_TRIM
    "local at = 0\n"
    "local function take() at = at + 1 return ARGV[at] end\n"
    "local function list() local all = {} for k = 1, tonumber(take()) do all[k] = take() end "
    "return all end\n"
    "local function texts(n, width) local all = {}\n"
    "  for k = 1, n do local one = {} for w = 1, width do one[w] = take() end all[k] = one "
    "end\n"
    "  return all end\n"
    "local results, seen = {}, {}\n"
    "local function parts_of(id, shard, from)\n"
    "  local before, after = false, {}\n"
    "  for _, f in ipairs(redis.call('HKEYS', P .. 'row:' .. shard .. ':' .. id)) do\n"
    "    local n = tonumber(string.match(f, '^h(%d+)$') or '-1')\n"
    "    if n >= from then after[#after + 1] = f elseif n >= 0 then before = true end\n"
    "  end\n"
    "  return before, after\n"
    "end\n"
    "for _ = 1, tonumber(take()) do\n"
    "  local shard, epoch = take(), take()\n"
    "  local batch, before, position, records, trim = take(), take(), take(), take(), take()\n"
    "  local deletes = list()\n"
    "  local puts = texts(tonumber(take()), 7)\n"
    "  local out = texts(tonumber(take()), 4)\n"
    "  local taken = texts(tonumber(take()), 3)\n"
    "  local log = P .. 'log:' .. shard\n"
    "  local have = redis.call('HMGET', log, 'epoch', 'last', 'trimmed')\n"
    "  local last, why = have[2] or '0', nil\n"
    "  if have[1] ~= epoch then why = 'fenced ' .. (have[1] or '0')\n"
    "  elseif seen[shard] then why = 'twice'\n"
    "  elseif batch == '1' and before ~= last then why = 'follow'\n"
    "  else\n"
    "    if batch == '1' then last = position end\n"
    "    if tonumber(trim) > tonumber(last) then why = 'trim ' .. last end\n"
    "  end\n"
    "  local gone = {}\n"
    "  for _, id in ipairs(deletes) do gone[id] = true end\n"
    "  for k, put in ipairs(puts) do\n"
    "    local from = tonumber(put[5])\n"
    "    if not why and from > 0 and (gone[put[1]] or not parts_of(put[1], shard, from)) then\n"
    "      why = 'from ' .. (k - 1) end\n"
    "  end\n"
    "  results[#results + 1] = why or 'ok'\n"
    "  if not why then\n"
    "    seen[shard] = true\n"
    "    local order = P .. 'order:' .. shard\n"
    "    for _, id in ipairs(deletes) do\n"
    "      local row = P .. 'row:' .. shard .. ':' .. id\n"
    "      local created = redis.call('HGET', row, 'c')\n"
    "      if created then redis.call('ZREM', order, created .. id) end\n"
    "      redis.call('DEL', row)\n"
    "      redis.call('HDEL', P .. 'rows:' .. shard, id)\n"
    "      redis.call('SREM', P .. 'live:' .. shard, id)\n"
    "    end\n"
    "    for _, put in ipairs(puts) do\n"
    "      local id, from = put[1], tonumber(put[5])\n"
    "      local row = P .. 'row:' .. shard .. ':' .. id\n"
    "      local _, after = parts_of(id, shard, from)\n"
    "      for _, f in ipairs(after) do redis.call('HDEL', row, f) end\n"
    "      local created = redis.call('HGET', row, 'c')\n"
    "      if created ~= put[7] then\n"
    "        if created then redis.call('ZREM', order, created .. id) end\n"
    "        redis.call('ZADD', order, 0, put[7] .. id)\n"
    "      end\n"
    "      redis.call('HSET', row, 's', put[4], 'c', put[7])\n"
    "      if #put[6] > 0 then redis.call('HSET', row, 'h' .. put[5], put[6]) end\n"
    "      redis.call('HSET', P .. 'rows:' .. shard, id, put[2])\n"
    "      redis.call(put[3] == '1' and 'SADD' or 'SREM', P .. 'live:' .. shard, id)\n"
    "    end\n"
    "    for _, m in ipairs(out) do\n"
    "      local box = m[2] .. ':' .. m[1]\n"
    "      if redis.call('HSETNX', P .. 'mail:' .. box, m[3], m[4]) == 1 then\n"
    "        redis.call('ZADD', P .. 'box:' .. box, 0, m[3]) end\n"
    "    end\n"
    "    for _, m in ipairs(taken) do\n"
    "      redis.call('ZREM', P .. 'box:' .. m[2] .. ':' .. m[1], m[3])\n"
    "      redis.call('HDEL', P .. 'mail:' .. m[2] .. ':' .. m[1], m[3])\n"
    "    end\n"
    "    if batch == '1' then redis.call('HSET', log, position, records, 'last', position) end\n"
    "    local trimmed = tonumber(have[3] or '0')\n"
    "    if tonumber(trim) > trimmed then\n"
    "      trim_log(log, trimmed + 1, tonumber(trim))\n"
    "      redis.call('HSET', log, 'trimmed', trim)\n"
    "    end\n"
    "  end\n"
    "end\n"
    "for _ = 1, tonumber(take()) do\n" // the user's transactions; see state.c
    "  local ops, keys, why = texts(tonumber(take()), 6), {}, nil\n"
    "  for k, op in ipairs(ops) do\n"
    "    local kind, key, etag, first = op[1], op[2], op[3], op[4] == '1'\n"
    "    local have = keys[key]\n"
    "    if not have then\n"
    "      have = {kind = redis.call('TYPE', key).ok}\n"
    "      if have.kind == 'hash' then\n"
    "        local h = redis.call('HMGET', key, 'version', 'first-write')\n"
    "        have.version, have.first = h[1] or '', h[2]\n"
    "      end\n"
    "      keys[key] = have\n"
    "    end\n"
    "    local version = have.version or ''\n"
    "    local free = version == '' or version == etag\n"
    "    if kind == 'd' then\n"
    "      if not (free or etag == '0') then why = 'conflict' end\n"
    "      keys[key] = {kind = 'none'}\n"
    "    else\n"
    "      if not (free or (etag == '0' and not first and not have.first)) then\n"
    "        why = etag == '0' and 'exists' or 'conflict'\n"
    "      elseif version ~= '' and not string.match(version, '^%-?%d+$') then why = 'number' "
    "end\n"
    "      keys[key] = {kind = 'hash', first = first or have.first,\n"
    "                   version = string.format('%.0f', (tonumber(version) or 0) + 1)}\n"
    "    end\n"
    "    if why then why = why .. ' ' .. (k - 1) break end\n"
    "  end\n"
    "  results[#results + 1] = why or 'ok'\n"
    "  if not why then\n"
    "    for _, op in ipairs(ops) do\n"
    "      local key = op[2]\n"
    "      if op[1] == 'd' then redis.call('DEL', key) else\n"
    "        if redis.call('TYPE', key).ok ~= 'hash' then redis.call('DEL', key) end\n"
    "        if redis.call('HGET', key, 'version') == '' then redis.call('HDEL', key, "
    "'version') end\n"
    "        redis.call('HSET', key, 'data', op[5])\n"
    "        if op[4] == '1' then redis.call('HSET', key, 'first-write', 0) end\n"
    "        redis.call('HINCRBY', key, 'version', 1)\n"
    "        if op[6] == '0' then redis.call('PERSIST', key)\n"
    "        elseif op[6] ~= '' then redis.call('EXPIRE', key, op[6]) end\n"
    "      end\n"
    "    end\n"
    "  end\n"
    "end\n"
    "return results\n",

    // A commit of batches alone, which most are: for each its shard, epoch, position of the one
    // before it ("-": it has none), position, bytes and how far the log is trimmed. The rules are
    // those of the long script; what it need not look for takes half the time.
    [PAWL_REDIS_APPEND] = SCRIPT_KEYS SCRIPT_TRIM
    "local results = {}\n"
    "for k = 1, #ARGV, 6 do\n"
    "  local shard, position, trim = ARGV[k], ARGV[k + 3], tonumber(ARGV[k + 5])\n"
    "  local log = P .. 'log:' .. shard\n"
    "  local have = redis.call('HMGET', log, 'epoch', 'last', 'trimmed')\n"
    "  if have[1] ~= ARGV[k + 1] then results[#results + 1] = 'fenced ' .. (have[1] or '0')\n"
    "  elseif ARGV[k + 2] ~= (have[2] or '0') then results[#results + 1] = 'follow'\n"
    "  elseif trim > tonumber(position) then results[#results + 1] = 'trim ' .. position\n"
    "  else\n"
    "    local trimmed = tonumber(have[3] or '0')\n"
    "    if trim > trimmed then\n"
    "      redis.call('HSET', log, position, ARGV[k + 4], 'last', position, 'trimmed', ARGV[k + "
    "5])\n"
    "      trim_log(log, trimmed + 1, trim)\n"
    "    else\n"
    "      redis.call('HSET', log, position, ARGV[k + 4], 'last', position)\n"
    "    end\n"
    "    results[#results + 1] = 'ok'\n"
    "  end\n"
    "end\n"
    "return results\n",

    // app, shards wanted, format
    [PAWL_REDIS_SHARDS] =
        SCRIPT_KEYS "redis.call('SETNX', P .. 'format', ARGV[3])\n"
                    "local app = P .. 'app:' .. ARGV[1]\n"
                    "redis.call('HSETNX', app, 'count', ARGV[2])\n"
                    "return {redis.call('GET', P .. 'format'), redis.call('HGET', app, 'count')}\n",

    // app, number, owner, ttl (0: for ever), format, whether epochs are times. With a replica that
    // may be promoted they are: it may not have got the last lease, whose number must not come
    // twice.
    [PAWL_REDIS_LEASE] = SCRIPT_KEYS SCRIPT_TIME
    "local format = redis.call('GET', P .. 'format') or '0'\n" // an earlier Pawl gave none
    "if (tonumber(format) or 0) > tonumber(ARGV[5]) then return {'format', format} end\n"
    "local apps, slot = P .. 'app:' .. ARGV[1], 's' .. ARGV[2]\n"
    "local shard = redis.call('HGET', apps, slot)\n"
    "if not shard then\n"
    "  shard = tostring(redis.call('INCR', P .. 'ids'))\n"
    "  redis.call('HSET', apps, slot, shard)\n"
    "  redis.call('HSET', P .. 'shard:' .. shard, 'ordered', '1')\n"
    "end\n"
    "local head, log = P .. 'shard:' .. shard, P .. 'log:' .. shard\n"
    "local have = redis.call('HMGET', head, 'until', 'owner', 'ordered')\n"
    "if tonumber(have[1] or '0') > now then return {'held', have[2] or ''} end\n"
    "local ttl = tonumber(ARGV[4])\n"
    "local till = ttl > 0 and now + ttl or 9007199254740991\n"
    "local old = redis.call('HMGET', head, 'epoch', 'last', 'trimmed')\n"
    "if old[1] then\n" // of an earlier Pawl, which is fenced by this
    "  redis.call('HSET', log, 'epoch', old[1], 'last', old[2] or '0', 'trimmed', old[3] or '0')\n"
    "  redis.call('HDEL', head, 'epoch', 'last', 'trimmed')\n"
    "end\n"
    "local at = redis.call('HMGET', log, 'epoch', 'last')\n"
    "local epoch = tonumber(at[1] or '0') + 1\n"
    "if ARGV[6] == '1' and epoch < now then epoch = now end\n"
    "epoch = string.format('%.0f', epoch)\n"
    "redis.call('HSET', log, 'epoch', epoch)\n"
    "redis.call('HSET', head, 'owner', ARGV[3], 'until', string.format('%.0f', till))\n"
    "if format ~= ARGV[5] then redis.call('SET', P .. 'format', ARGV[5]) end\n"
    "return {'ok', shard, epoch, at[2] or '0', have[3] or '0'}\n",

    // shard, "-" or "+" (from the oldest or the newest on), bounds of ZRANGEBYLEX from there, how
    // many. For each its id and columns.
    [PAWL_REDIS_PAGE] = SCRIPT_KEYS
    "local all, found = {}, redis.call(ARGV[2] == '-' and 'ZRANGEBYLEX' or 'ZREVRANGEBYLEX',\n"
    "  P .. 'order:' .. ARGV[1], ARGV[3], ARGV[4], 'LIMIT', 0, ARGV[5])\n"
    "for k, place in ipairs(found) do\n"
    "  local id = string.sub(place, 17)\n"
    "  all[k] = {place, id, redis.call('HGET', P .. 'rows:' .. ARGV[1], id) or ''}\n"
    "end\n"
    "return all\n",

    // shard, epoch, ttl (0: for ever), whether these are the last, then ids and times of creation:
    // gives rows of an earlier Pawl their places, and lets the lease last meanwhile.
    [PAWL_REDIS_PLACE] = SCRIPT_KEYS SCRIPT_TIME
    "local head, order = P .. 'shard:' .. ARGV[1], P .. 'order:' .. ARGV[1]\n"
    "if redis.call('HGET', P .. 'log:' .. ARGV[1], 'epoch') ~= ARGV[2] then return 0 end\n"
    "for k = 5, #ARGV, 2 do\n"
    "  local row = P .. 'row:' .. ARGV[1] .. ':' .. ARGV[k]\n"
    "  redis.call('ZADD', order, 0, ARGV[k + 1] .. ARGV[k])\n"
    "  redis.call('HSET', row, 'c', ARGV[k + 1])\n"
    "end\n"
    "local ttl = tonumber(ARGV[3])\n"
    "if ttl > 0 then redis.call('HSET', head, 'until', string.format('%.0f', now + ttl)) end\n"
    "if ARGV[4] == '1' then redis.call('HSET', head, 'ordered', '1') end\n"
    "return 1\n",

    // ttl, then shard and epoch of each
    [PAWL_REDIS_RENEW] = SCRIPT_KEYS SCRIPT_TIME
    "local ttl, lost = tonumber(ARGV[1]), {}\n"
    "local till = string.format('%.0f', ttl > 0 and now + ttl or 9007199254740991)\n"
    "for k = 2, #ARGV, 2 do\n"
    "  local head = P .. 'shard:' .. ARGV[k]\n"
    "  local good = redis.call('HGET', P .. 'log:' .. ARGV[k], 'epoch') == ARGV[k + 1] and\n"
    "               redis.call('HGET', head, 'until') ~= '0'\n"
    "  if good then redis.call('HSET', head, 'until', till) end\n"
    "  lost[#lost + 1] = good and 0 or 1\n"
    "end\n"
    "return lost\n",

    [PAWL_REDIS_RELEASE] =
        SCRIPT_KEYS "local head = P .. 'shard:' .. ARGV[1]\n"
                    "if redis.call('HGET', P .. 'log:' .. ARGV[1], 'epoch') == ARGV[2] then\n"
                    "  redis.call('HSET', head, 'until', '0') end\n"
                    "return 1\n",

    [PAWL_REDIS_HOLDERS] = SCRIPT_KEYS SCRIPT_TIME
    "local all = {}\n"
    "local slots = redis.call('HGETALL', P .. 'app:' .. ARGV[1])\n"
    "for k = 1, #slots, 2 do\n"
    "  local number = string.match(slots[k], '^s(%d+)$')\n"
    "  if number then\n"
    "    local have = redis.call('HMGET', P .. 'shard:' .. slots[k + 1], 'epoch', 'until', "
    "'owner')\n"
    "    local epoch = redis.call('HGET', P .. 'log:' .. slots[k + 1], 'epoch') or have[1] or '0'\n"
    "    all[#all + 1] = {number, slots[k + 1], epoch,\n"
    "                     tonumber(have[2] or '0') > now and 1 or 0, have[3] or ''}\n"
    "  end\n"
    "end\n"
    "return all\n",

    // app, id, ttl, address, info, workers, loops
    [PAWL_REDIS_PUT_MEMBER] = SCRIPT_KEYS SCRIPT_TIME
    "local all, head = P .. 'members:' .. ARGV[1], P .. 'member:' .. #ARGV[1] .. ':' .. ARGV[1] .. "
    "':'\n"
    "for _, id in ipairs(redis.call('SMEMBERS', all)) do\n"
    "  if redis.call('EXISTS', head .. id) == 0 then redis.call('SREM', all, id) end\n"
    "end\n"
    "local key = head .. ARGV[2]\n"
    "redis.call('SADD', all, ARGV[2])\n"
    "redis.call('HSETNX', key, 'joined', string.format('%.0f', now))\n"
    "redis.call('HSET', key, 'address', ARGV[4], 'info', ARGV[5], 'workers', ARGV[6], 'loops', "
    "ARGV[7])\n"
    "if tonumber(ARGV[3]) > 0 then redis.call('PEXPIRE', key, ARGV[3])\n"
    "else redis.call('PERSIST', key) end\n"
    "return 1\n",

    [PAWL_REDIS_REMOVE_MEMBER] = SCRIPT_KEYS
    "redis.call('SREM', P .. 'members:' .. ARGV[1], ARGV[2])\n"
    "redis.call('DEL', P .. 'member:' .. #ARGV[1] .. ':' .. ARGV[1] .. ':' .. ARGV[2])\n"
    "return 1\n",

    [PAWL_REDIS_MEMBERS] = SCRIPT_KEYS
    "local all, head = {}, P .. 'member:' .. #ARGV[1] .. ':' .. ARGV[1] .. ':'\n"
    "for _, id in ipairs(redis.call('SMEMBERS', P .. 'members:' .. ARGV[1])) do\n"
    "  local have = redis.call('HMGET', head .. id, 'address', 'info', 'workers', 'loops', "
    "'joined')\n"
    "  if have[5] then all[#all + 1] = {id, have[1], have[2], have[3], have[4], have[5]} end\n"
    "end\n"
    "return all\n",

    // shard and id of each. For each its columns and its row.
    [PAWL_REDIS_LOAD] = SCRIPT_KEYS
    "local all = {}\n"
    "for k = 1, #ARGV, 2 do\n"
    "  local shard, id = ARGV[k], ARGV[k + 1]\n"
    "  all[(k + 1) / 2] = {redis.call('HGET', P .. 'rows:' .. shard, id),\n"
    "                      redis.call('HGETALL', P .. 'row:' .. shard .. ':' .. id)}\n"
    "end\n"
    "return all\n",

    // app, number, key that they come after as a bound of ZRANGEBYLEX, how many
    [PAWL_REDIS_MAIL] = SCRIPT_KEYS
    "local box, all = ARGV[2] .. ':' .. ARGV[1], {}\n"
    "for _, key in ipairs(redis.call('ZRANGEBYLEX', P .. 'box:' .. box, ARGV[3], '+',\n"
    "                                'LIMIT', 0, ARGV[4])) do\n"
    "  all[#all + 1] = {key, redis.call('HGET', P .. 'mail:' .. box, key)}\n"
    "end\n"
    "return all\n",
};

// In a cluster that key also says which slot a call is for, in which all of our keys are.
void pawl__redis_call(struct pawl_redis_args *args, const struct pawl_redis *store,
                      enum pawl_redis_script script) {
    pawl__redis_call_keys(args, store, script, 1);
    pawl__redis_add(args, pawl__str(store->prefix));
}

void pawl__redis_call_keys(struct pawl_redis_args *args, const struct pawl_redis *store,
                           enum pawl_redis_script script, size_t count) {
    pawl__redis_add(args, PAWL_STR("EVALSHA"));
    pawl__redis_add(args, pawl__str(store->hashes[script]));
    pawl__redis_add_uint(args, count);
}

static enum pawl_err script_give(struct pawl_redis *store, struct pawl_redis_link *link,
                                 enum pawl_redis_script script, struct pawl_error *error) {
    struct pawl_redis_args args = {0};
    redisReply *reply;
    bool sent;
    pawl__redis_add(&args, PAWL_STR("SCRIPT"));
    pawl__redis_add(&args, PAWL_STR("LOAD"));
    pawl__redis_add(&args, pawl__str(scripts[script]));
    enum pawl_err err = pawl__redis_ask(store, link, &args, &reply, &sent, error);
    bool good = !err && reply->type == REDIS_REPLY_STRING && reply->len == 40;
    if (!err && !good) err = pawl__fail(error, PAWL_E_IO, "%s does not take scripts", store->name);
    if (good && !*store->hashes[script]) memcpy(store->hashes[script], reply->str, 40);
    if (reply) freeReplyObject(reply);
    pawl__redis_args_finish(&args);
    return err;
}

enum pawl_err pawl__redis_load_scripts(struct pawl_redis *store, struct pawl_error *error) {
    enum pawl_err err = PAWL_OK;
    for (int i = 0; !err && i < PAWL_REDIS_SCRIPTS; i++)
        err = script_give(store, &store->writer, (enum pawl_redis_script)i, error);
    return err;
}

enum pawl_err pawl__redis_run(struct pawl_redis *store, struct pawl_redis_link *link,
                              enum pawl_redis_script script, const struct pawl_redis_args *args,
                              redisReply **reply, bool *sent, struct pawl_error *error) {
    enum pawl_err err = pawl__redis_ask(store, link, args, reply, sent, error);
    if (err != PAWL_E_NOT_FOUND) return err;
    err = script_give(store, link, script, error);
    *sent = false;
    return err ? err : pawl__redis_ask(store, link, args, reply, sent, error);
}

enum pawl_err pawl__redis_run_read(struct pawl_redis *store, enum pawl_redis_script script,
                                   const struct pawl_redis_args *args, redisReply **reply,
                                   struct pawl_error *error) {
    bool sent;
    enum pawl_err err = pawl__redis_run(store, &store->reader, script, args, reply, &sent, error);
    if (err == PAWL_E_UNAVAILABLE && sent)
        err = pawl__redis_run(store, &store->reader, script, args, reply, &sent, error);
    return err;
}
