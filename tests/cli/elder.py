"""Passes all calls on to a daemon's gRPC port, but those of pawl.Command, which it does not know, as a daemon of before. Prints its own port.

    elder.py PORT
"""

import sys
from concurrent import futures

import grpc


class Handler(grpc.GenericRpcHandler):
    def service(self, call):
        if call.method.startswith("/pawl.Command/"):
            return None
        ask = channel.unary_unary(call.method)

        def answer(request, context):
            try:
                return ask(request, timeout=30)
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())

        return grpc.unary_unary_rpc_method_handler(answer)


channel = grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}")
server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Handler()])
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
