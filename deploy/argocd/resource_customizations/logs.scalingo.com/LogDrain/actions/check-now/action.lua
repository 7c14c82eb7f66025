-- Each new text asks for one check at once; status.lastHandledRequestedAt says that it was done.
local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["logs.scalingo.com/requestedAt"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
