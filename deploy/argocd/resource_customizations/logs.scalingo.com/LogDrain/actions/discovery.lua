-- Nothing can be asked of a LogDrain that is being deleted, and nothing is checked while one is suspended.
local is_going = obj.metadata.deletionTimestamp ~= nil
local is_suspended = obj.spec.suspend == true

local actions = {}
actions["check-now"] = {
  disabled = is_going or is_suspended,
  iconClass = "fa fa-fw fa-sync",
  displayName = "Check now"
}
actions["suspend"] = {
  disabled = is_going or is_suspended,
  iconClass = "fa fa-fw fa-pause-circle",
  displayName = "Suspend"
}
actions["resume"] = {
  disabled = is_going or not is_suspended,
  iconClass = "fa fa-fw fa-play-circle",
  displayName = "Resume"
}
return actions
