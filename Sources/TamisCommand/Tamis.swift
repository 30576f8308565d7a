import Tamis
import TamisKernels
@main struct T { static func main() throws {
    let d = "/usr/share/datasets/fashion-mnist/"
    let x = try Tensor(idx: d + "train-images-idx3-ubyte.gz"), y = try Tensor(idx: d + "train-labels-idx1-ubyte.gz")
    let tx = try Tensor(idx: d + "t10k-images-idx3-ubyte.gz"), ty = try Tensor(idx: d + "t10k-labels-idx1-ubyte.gz")
    func f(_ t: Tensor) throws -> Tensor { try Tensor(t.scalars(as: UInt8.self).map { Float($0) / 255 }, shape: t.shape.dimensions + [1]) }
    var net = try Sequential(input: [28, 28, 1], seed: 1) {
        Conv2D(64, (3, 3), activation: .relu); MaxPooling2D(2, 2); Conv2D(64, (3, 3), activation: .relu); MaxPooling2D(2, 2)
        Flatten(); Dense(128, activation: .relu); Dense(10, activation: .softmax) }
    print(net.summary())
    let train = try Dataset(inputs: f(x), labels: y), test = try Dataset(inputs: f(tx), labels: ty)
    print(try net.evaluate(test))
    let clock = ContinuousClock()
    // Step timing
    for threads in [1, 2] {
        let step = try TrainingStep(net.model, loss: .sparseCategoricalCrossentropy, optimizer: .sgd(momentum: 0.9), threads: threads)
        let bx = try train.inputs.slice(0..<128), by = try train.labels.slice(0..<128)
        var ts: [Double] = []
        for _ in 0..<60 { let s = clock.now; _ = try step(bx, by); ts.append(Double((clock.now - s).components.attoseconds) * 1e-15) }
        ts.sort(); print("threads", threads, "step ms", ts[30], ts[0])
        if threads == 1 { for l in step.plan(batchSize: 128)!.lines { print(l.node, l.operatorName, l.algorithm) } }
    }
    let plan = try Plan(net.model, inputs: ["input": Shape([1, 28, 28, 1])])
    for l in plan.lines { print(l.node, l.operatorName, l.algorithm) }
    let s1 = try Session(plan, threads: 1); var out: [String: Tensor] = [:]; let one = ["input": try train.inputs.slice(0..<1)]
    var ts: [Double] = []
    for _ in 0..<5000 { let s = clock.now; try s1.run(one, into: &out); ts.append(Double((clock.now - s).components.attoseconds) * 1e-12) }
    ts.sort(); print("infer us", ts[2500], ts[0])
    if CommandLine.arguments.count > 1 {
    let r = ProgressReporter(); r.expectsValidation = true
    _ = try net.fit(train, epochs: Int(CommandLine.arguments[1])!, batchSize: 64, optimizer: .adam(), validation: test, seed: 1) { r.report($0) }
    }
} }
