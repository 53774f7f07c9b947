"""The BroadWorks wire: Xsi-Events and Xsi-Actions, XML over HTTP."""
