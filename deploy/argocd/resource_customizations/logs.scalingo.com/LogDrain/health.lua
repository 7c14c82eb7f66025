-- The status of a LogDrain is in kstatus form: Ready is always there, Reconciling or Stalled while True, and
-- observedGeneration says what the conditions speak of. Degraded fails a sync, so only what a person must mend is Degraded.
local health = {status = "Progressing", message = "The operator has not seen this LogDrain yet"}

local deleting = obj.metadata.deletionTimestamp ~= nil
if deleting then
  health.message = "Being deleted: its drains at Scalingo go first"
end
if obj.status == nil or obj.status.conditions == nil then
  return health
end
if obj.status.observedGeneration ~= obj.metadata.generation then
  -- A deletion is a change, too.
  if not deleting then
    health.message = "The operator has not seen the latest change yet"
  end
  return health
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end
local function is_true(type)
  return conditions[type] ~= nil and conditions[type].status == "True"
end

local ready = conditions["Ready"]
if ready == nil then
  return health
end
local why = ready.reason .. ": " .. ready.message
if deleting then
  -- What holds it up; a person may have to mend that.
  if not is_true("Ready") then
    health.message = health.message .. ". " .. why
  end
  if is_true("Stalled") then
    health.status = "Degraded"
  end
  return health
end
health.message = why
if ready.reason == "Suspended" then
  health.status = "Suspended"
elseif is_true("Stalled") then
  health.status = "Degraded"
elseif is_true("Ready") and not is_true("Reconciling") then
  health.status = "Healthy"
end
return health
