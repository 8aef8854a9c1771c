-- Each request of wrk has a path of its own.
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("id", threads)
end

function init(args)
  round = args[1]
  n = 0
end

function request()
  n = n + 1
  return wrk.format("GET", "/" .. round .. "/" .. id .. "/" .. n)
end
