-- The status of a LogDrain is in kstatus form: Ready is always there, Reconciling or Stalled while True, and
-- observedGeneration says what the conditions speak of. Degraded makes the Application Degraded, and fails a sync in which a
-- later wave or a hook waits, so only what a person must mend is. While one is being deleted Argo CD does not ask this script.
local health = {status = "Progressing", message = "The operator has not seen this LogDrain yet"}

if obj.status == nil or obj.status.conditions == nil then
  return health
end
if obj.status.observedGeneration ~= obj.metadata.generation then
  health.message = "The operator has not seen the latest change yet"
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
health.message = ready.reason .. ": " .. ready.message
if ready.reason == "Suspended" then
  health.status = "Suspended"
elseif is_true("Stalled") then
  health.status = "Degraded"
elseif is_true("Ready") and not is_true("Reconciling") then
  health.status = "Healthy"
end
return health
