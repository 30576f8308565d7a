extension Model {
    /// Reads an ONNX file of versions 6 to 28 of the operator set.
    ///
    /// Convolutions and pools compute on channel-last images inside; the inputs and outputs stay as the file has them.
    /// Float weights of the file become trainable parameters of their names. `operators` is the table the file is read
    /// by. Throws `ImportError` where the file cannot be read, breaks a rule, or uses what Tamis has not.
    public init(
        onnx path: String, operators: ONNXOperators = .standard, limits: Limits = Limits()
    ) throws(ImportError) {
        self = try Model.read(path, operators: operators, limits: limits).model
    }

    /// Reads the bytes of an ONNX file. Throws as reading the file does.
    public init(
        onnxBytes: [UInt8], operators: ONNXOperators = .standard, limits: Limits = Limits()
    ) throws(ImportError) {
        try self.init(
            ONNXModel(FileBytes(onnxBytes), limits: limits), operators: operators, folder: nil, limits: limits)
    }

    /// Reads an ONNX file: as it stands there, and as a model.
    static func read(
        _ path: String, operators: ONNXOperators, limits: Limits
    ) throws(ImportError) -> (file: ONNXModel, model: Model) {
        let file = try ONNXModel(modelPath: path, limits: limits)
        do throws(ImportError) {
            return (file, try Model(file, operators: operators, folder: path.folder, limits: limits))
        } catch {
            throw .inFile(path, error)
        }
    }

    /// Makes a model of an ONNX file that is in memory.
    package init(
        _ file: ONNXModel, operators: ONNXOperators, folder: String? = nil, limits: Limits
    ) throws(ImportError) {
        self = try ONNXImporter(file, operators: operators, folder: folder, limits: limits).model()
    }

    /// Writes an ONNX file of version `opset` of the operator set, 13 to 28; read again, it gives the same bits.
    ///
    /// Inputs, outputs and parameters keep their names and shapes. Throws `ExportError` where the file cannot be written
    /// or ONNX has no operator for one of the model.
    public func writeONNX(
        to path: String, opset: Int = 17, operators: ONNXOperators = .standard
    ) throws(ExportError) {
        try onnx(opset: opset, operators: operators).write(to: path)
    }

    /// The bytes of an ONNX file. Throws as writing the file does.
    public func onnxBytes(opset: Int = 17, operators: ONNXOperators = .standard) throws(ExportError) -> [UInt8] {
        try onnx(opset: opset, operators: operators).encoded()
    }

    /// The model as an ONNX file.
    package func onnx(opset: Int = 17, operators: ONNXOperators = .standard) throws(ExportError) -> ONNXModel {
        try ONNXExporter(operators: operators, version: opset).file(of: self)
    }
}

extension ONNXModel {
    /// Reads a model's file; one that is something else altogether is told so.
    init(modelPath path: String, limits: Limits) throws(ImportError) {
        let bytes = try FileBytes(path: path, limits: limits)
        do throws(ImportError) {
            if let kind = FileKind.foreign(bytes) {
                throw .malformed(rule: "the file must be an ONNX model", received: kind, offset: nil)
            }
            try self.init(bytes, limits: limits)
        } catch {
            throw .inFile(path, error)
        }
    }
}

extension String {
    /// The folder of a path.
    var folder: String { lastIndex(of: "/").map { String(self[...$0]) } ?? "." }
}
