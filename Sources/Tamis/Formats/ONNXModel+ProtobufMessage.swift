extension ONNXModel: ProtobufMessage {
    package static let messageName = "ModelProto"

    package init(from reader: inout ProtobufReader) throws(ImportError) {
        let start = reader.offset
        var graph: ONNXGraph?
        var model = ONNXModel(graph: ONNXGraph())
        model.formatVersion = 0
        while let field = try reader.next() {
            switch field.number {
            case 1: model.formatVersion = try field.integer()
            case 2: model.producerName = try field.string()
            case 3: model.producerVersion = try field.string()
            case 4: model.domain = try field.string()
            case 5: model.modelVersion = try field.integer()
            case 6: model.documentation = try field.string()
            case 7: try field.set(&graph)
            case 8: model.operatorSets.append(try field.message())
            case 14: model.metadata.append(try field.message())
            case 25: model.functions.append(try field.message())
            default: break
            }
        }
        guard let graph else { throw reader.malformed("a model must have a graph", received: "none", at: start) }
        model.graph = graph
        self = model
    }

    package func encode(to writer: inout ProtobufWriter) {
        writer.integer(1, formatVersion)
        writer.nonEmpty(2, producerName)
        writer.nonEmpty(3, producerVersion)
        writer.nonEmpty(4, domain)
        if modelVersion != 0 { writer.integer(5, modelVersion) }
        writer.nonEmpty(6, documentation)
        writer.message(7, graph)
        writer.messages(8, operatorSets)
        writer.messages(14, metadata)
        writer.messages(25, functions)
    }
}
