"""Takes what Alertmanager posts: a line for each alert, with the path that it came to.

    webhook.py PORT FILE
"""

import http.server
import json
import sys

port, path = int(sys.argv[1]), sys.argv[2]


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        posted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(path, "a") as file:
            for alert in posted["alerts"]:
                line = {"to": self.path.strip("/"), "status": alert["status"], **alert["labels"],
                        "description": alert["annotations"].get("description")}
                file.write(json.dumps(line) + "\n")
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", port), Hook).serve_forever()
