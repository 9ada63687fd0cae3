// The log-in page: a second click does nothing, the button says what it is doing.
import "./submitting.js";
