// Entry of every page: loads the modules of the frame. Page modules are named after their page.
import "./answers.js";
import "./columns.js";
import "./keys.js";
import "./messages.js";
import "./rows.js";
import "./selection.js";
import "./sheet.js";
import "./submitting.js";
import "./suggest.js";
